/** Everything mode: how many proposals are shown, the sliders that say which, and accepting all of them. */
import { byId, h } from "./dom.js";
import { openProposals, withAccepted, withEverything } from "./state.js";

/** @typedef {import("./proposals.js").Limits} Limits */

/** Areas run over powers of ten, because small objects are many. */
const AREA = { min: -2, max: 3, step: 0.05 };
const SHARE = { min: 0, max: 1, step: 0.01 };

/** @type {{limit: keyof Limits, title: string, range: typeof SHARE}[]} */
const SLIDERS = [
  { limit: "predictedIou", title: "Min predicted IoU", range: SHARE },
  { limit: "stability", title: "Min stability", range: SHARE },
  { limit: "minArea", title: "Min area", range: AREA },
  { limit: "maxArea", title: "Max area", range: AREA },
];

/** @param {import("./main.js").Page} page */
export function startProposals({ store, surveying }) {
  const panel = byId("proposals");
  const count = h("p", { role: "status" });
  const accept = /** @type {HTMLButtonElement} */ (h("button", { type: "button", class: "primary", onclick: acceptAll }));
  const leave = h("button", { type: "button", onclick: surveying.leave }, "Close");
  panel.append(h("h2", {}, "Proposals"), count, ...SLIDERS.map(slider), accept, leave);

  store.watch(
    (state) => [state.everything, state.opened?.history ?? null],
    ([everything]) => {
      panel.hidden = everything === null;
      if (everything === null) return;
      const open = openProposals(store.get());
      count.textContent = everything.status === "there" ? `${open.length} of ${everything.proposals.length} shown. Click one to accept it.` : "";
      accept.textContent = open.length === 1 ? "Accept it" : `Accept all ${open.length}`;
      accept.disabled = open.length === 0;
    },
  );

  /** @param {typeof SLIDERS[number]} facts */
  function slider({ limit, title, range }) {
    const input = /** @type {HTMLInputElement} */ (h("input", { type: "range", id: `limit-${limit}`, ...range, oninput: moved }));
    const output = h("output", { for: input.id });
    store.watch(
      (state) => [state.everything?.limits[limit] ?? 0],
      ([value]) => {
        const written = range === AREA ? areaText(value) : value.toFixed(2);
        input.value = String(range === AREA ? Math.log10(Math.max(value, 10 ** AREA.min)) : value);
        input.setAttribute("aria-valuetext", written);
        output.textContent = written;
      },
    );
    function moved() {
      const at = Number(input.value);
      const value = range === AREA ? (at <= AREA.min ? 0 : 10 ** at) : at;
      store.update((state) =>
        state.everything === null ? state : withEverything(state, { limits: { ...state.everything.limits, [limit]: value } }),
      );
    }
    return h("div", { class: "slider" }, h("label", { for: input.id }, title), output, input);
  }

  function acceptAll() {
    store.update((state) => withAccepted(state, openProposals(state)));
  }
}

/** @param {number} thousandths of the image */
function areaText(thousandths) {
  return thousandths === 0 ? "0 %" : `${Number((thousandths / 10).toPrecision(2))} %`;
}
