/** The classes: colour, name, key; the current one; a form for a new one. */
import { CLASS_KEYS, withChosenClass } from "./class_keys.js";
import { byId, h } from "./dom.js";
import { workOf } from "./state.js";

/** The server gives colours to classes. */
const COLOUR_UNTIL_SAVED = "#8a94a0";

/** @param {import("./main.js").Page} page */
export function startClasses({ store, outbox }) {
  const list = byId("classes");
  store.watch(
    (state) => [state.classes, state.className],
    ([classes, className]) => {
      const focused = list.contains(document.activeElement);
      list.replaceChildren(...classes.map((one, place) => classButton(one, place, one.name === className)));
      if (focused) /** @type {HTMLElement | null} */ (list.querySelector("[aria-checked=true]"))?.focus();
    },
  );

  /** @param {import("./state.js").ClassOfObjects} one @param {number} place @param {boolean} isChosen */
  function classButton({ name, colour }, place, isChosen) {
    const key = CLASS_KEYS[place];
    const swatch = h("i", { class: "swatch" });
    swatch.style.setProperty("--colour", colour);
    return h(
      "button",
      {
        type: "button",
        role: "radio",
        class: "class",
        "aria-checked": String(isChosen),
        "aria-keyshortcuts": key ?? null,
        onclick: () => store.update((state) => withChosenClass(state, name)),
      },
      swatch,
      h("bdi", {}, name),
      key === undefined ? null : h("kbd", { "aria-hidden": "true" }, key.toUpperCase()),
    );
  }

  /** @param {string} name */
  function addClass(name) {
    if (store.get().classes.some((one) => one.name === name)) return;
    store.update((state) => withNewClass(state, name));
    outbox.putClasses(store.get().classes.map((one) => one.name));
  }
  store.watch(
    (state) => [workOf(state).objects],
    ([objects]) => new Set(objects.flatMap(({ className }) => className ?? [])).forEach(addClass),
  );
  outbox.classes().forEach((name) => store.update((state) => withNewClass(state, name)));

  byId("new-class-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const input = /** @type {HTMLInputElement} */ (byId("new-class"));
    const name = input.value.trim();
    if (name === "") return;
    addClass(name);
    store.update((state) => withChosenClass(state, name));
    input.value = "";
    byId("stage-0").focus();
  });
  byId("new-class").addEventListener("keydown", (event) => {
    if (event.key === "Escape") byId("stage-0").focus();
  });
}

/** @param {import("./state.js").State} state @param {string} name @returns {import("./state.js").State} */
function withNewClass(state, name) {
  if (state.classes.some((one) => one.name === name)) return state;
  return { ...state, classes: [...state.classes, { name, colour: COLOUR_UNTIL_SAVED }] };
}
