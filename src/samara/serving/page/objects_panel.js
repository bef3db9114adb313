/** The objects of the image: select, work on again, delete. */
import { percent } from "./answers.js";
import { commandOf } from "./commands.js";
import { byId, h } from "./dom.js";
import { colourOf, workOf } from "./state.js";

/** @param {import("./main.js").Page} page */
export function startObjects(page) {
  const { store } = page;
  const list = byId("objects");
  store.watch(
    (state) => [workOf(state).objects, state.selected, state.classes, state.opened === null],
    ([objects]) => {
      const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.object;
      byId("objects-count").textContent = objects.length === 0 ? "" : String(objects.length);
      list.replaceChildren(...objects.toReversed().map(line));
      if (objects.length === 0 && store.get().opened !== null) list.append(h("li", { class: "quiet" }, "None yet. Click on one in the image."));
      if (focused !== undefined) focusOn(focused);
    },
  );

  /** @param {string} id */
  function focusOn(id) {
    const pick = /** @type {HTMLElement | null} */ (list.querySelector(`[data-object="${CSS.escape(id)}"]`));
    (pick ?? byId("stage-0")).focus();
  }

  /** @param {import("./work.js").AnnotatedObject} object */
  function line(object) {
    const state = store.get();
    const isSelected = object.id === state.selected;
    const swatch = h("i", { class: "swatch" });
    swatch.style.setProperty("--colour", colourOf(state, object.className));
    const name = object.className ?? "no class";
    const share = percent(object.mask.area / (object.mask.rle.size[0] * object.mask.rle.size[1]));
    const pick = h(
      "button",
      { type: "button", class: "pick", "data-object": object.id, "aria-pressed": String(isSelected), onclick: () => select(isSelected ? null : object.id) },
      swatch,
      h("bdi", {}, name),
      h("span", { class: "quiet" }, share),
    );
    return h("li", { class: isSelected ? "object selected" : "object" }, pick, act("take-up", object), act("delete", object));
  }

  /** @param {"take-up" | "delete"} id @param {import("./work.js").AnnotatedObject} object */
  function act(id, object) {
    const command = commandOf(id);
    const run = () => {
      select(object.id);
      command.run(page, command.keys[0]);
    };
    const label = `${command.title.replace("the selected object", object.className ?? "this object")}`;
    const button = h("button", { type: "button", class: "act", title: label, "aria-label": label, onclick: run });
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    icon.setAttribute("class", "icon");
    use.setAttribute("href", `#i-${id}`);
    icon.append(use);
    button.append(icon);
    return button;
  }

  /** @param {string | null} id */
  function select(id) {
    store.update((state) => ({ ...state, selected: id }));
  }
}
