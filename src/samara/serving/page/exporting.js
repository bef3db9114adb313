/** The menu of formats. What it downloads has everything that was done so far. */
import { byId, h } from "./dom.js";
import { sentenceOf } from "./errors.js";

/** @param {import("./main.js").Page} page */
export function startExport({ store, api, outbox, connection }) {
  const button = byId("export-button");
  const menu = byId("export-menu");
  const tell = (/** @type {string | null} */ notice) => store.update((state) => ({ ...state, notice }));

  /** @param {import("./state.js").ExportFormat} format */
  async function download({ name, title }) {
    show(false);
    button.focus();
    tell(`Exporting ${title}…`);
    try {
      await outbox.again();
      const { blob, name: fileName } = await connection.patiently(() => api.exported(name));
      save(blob, fileName);
      tell(null);
    } catch (error) {
      tell(sentenceOf(error));
    }
  }

  /** @param {boolean} isOpen */
  function show(isOpen) {
    menu.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) /** @type {HTMLElement | null} */ (menu.firstElementChild)?.focus();
  }

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    const items = [...menu.children];
    const place = items.indexOf(/** @type {Element} */ (document.activeElement));
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
      show(false);
      button.focus();
    } else if (step !== undefined) {
      /** @type {HTMLElement} */ (items[(place + step + items.length) % items.length]).focus();
    } else return;
    event.preventDefault();
  }

  menu.append(
    ...store.get().session.formats.map((format) =>
      h("button", { type: "button", role: "menuitem", onclick: () => download(format) }, format.title),
    ),
  );
  menu.addEventListener("keydown", pressed);
  button.addEventListener("click", () => show(menu.hidden === true));
  document.addEventListener("pointerdown", (event) => {
    const target = /** @type {Node} */ (event.target);
    if (!menu.hidden && !menu.contains(target) && !button.contains(target)) show(false);
  });
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
