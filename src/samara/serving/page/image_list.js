/**
 * The list of images. Only the lines in sight exist, so that it holds a hundred thousand.
 *
 * @typedef {import("./state.js").ImageRow} ImageRow
 */
import { byId, h } from "./dom.js";
import { sentenceOf } from "./errors.js";
import { ORDERS } from "./image_pages.js";

const LINE_HEIGHT = 64;
const LINES_BEYOND = 4;
const EMPTY = "This folder has no images. Put some into it, then load this page again.";

/** @param {import("./main.js").Page} page */
export function startImageList({ store, images, api, navigation }) {
  const list = byId("image-list");
  const rows = byId("image-list-rows");
  /** @type {Map<number, {row: ImageRow | undefined, element: HTMLElement}>} */
  const lines = new Map();
  let active = 0;

  function show() {
    const total = images.known.get().total ?? 0;
    rows.style.setProperty("height", `${total * LINE_HEIGHT}px`);
    const first = Math.max(Math.floor(list.scrollTop / LINE_HEIGHT) - LINES_BEYOND, 0);
    const end = Math.min(Math.ceil((list.scrollTop + list.clientHeight) / LINE_HEIGHT) + LINES_BEYOND, total);
    for (const [index, { element }] of lines) {
      if (index >= first && index < end) continue;
      element.remove();
      lines.delete(index);
    }
    for (let index = first; index < end; index++) showLine(index, total);
    if (end > first) images.look(first, end).catch(complain);
  }

  /** @param {unknown} error */
  function complain(error) {
    store.update((state) => ({ ...state, notice: sentenceOf(error) }));
  }

  /** @param {number} index @param {number} total */
  function showLine(index, total) {
    const row = images.known.get().rows.get(index);
    const there = lines.get(index);
    const element = there !== undefined && there.row === row ? there.element : lineOf(row, index, total);
    if (element !== there?.element) {
      there?.element.remove();
      rows.append(element);
      lines.set(index, { row, element });
    }
    element.setAttribute("aria-selected", String(row !== undefined && row.id === store.get().opened?.row.id));
    element.classList.toggle("active", index === active && document.activeElement === list);
  }

  /** @param {ImageRow | undefined} row @param {number} index @param {number} total */
  function lineOf(row, index, total) {
    const facts = { class: `row ${row?.state ?? ""}`, id: `image-${index}`, role: "option", "aria-setsize": total, "aria-posinset": index + 1 };
    const element = row === undefined ? h("div", facts) : h("div", { ...facts, title: titleOf(row), onclick: () => choose(index) }, ...partsOf(row, api.thumbnail(row.id)));
    element.style.setProperty("transform", `translateY(${index * LINE_HEIGHT}px)`);
    return element;
  }

  /** @param {number} index */
  function choose(index) {
    active = index;
    const row = images.known.get().rows.get(index);
    if (row === undefined || row.state === "unreadable") return;
    navigation.openAt(index);
    hideImages();
    byId("stage-0").focus({ preventScroll: true });
  }

  /** @param {number} index */
  function reveal(index) {
    const top = index * LINE_HEIGHT;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + LINE_HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + LINE_HEIGHT - list.clientHeight;
  }

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    const total = images.known.get().total ?? 0;
    const inView = Math.max(Math.floor(list.clientHeight / LINE_HEIGHT) - 1, 1);
    /** @type {Record<string, number>} */
    const targets = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + inView, PageUp: active - inView, Home: 0, End: total - 1 };
    if (event.key === "Enter" || event.key === " ") choose(active);
    else if (event.key in targets) active = Math.min(Math.max(targets[event.key], 0), Math.max(total - 1, 0));
    else return;
    event.preventDefault();
    reveal(active);
    show();
    list.setAttribute("aria-activedescendant", `image-${active}`);
  }

  const order = /** @type {HTMLSelectElement} */ (byId("order"));
  order.append(...Object.entries(ORDERS).map(([value, title]) => h("option", { value }, title)));
  order.addEventListener("change", async () => {
    await images.restart(order.value);
    list.scrollTop = 0;
    choose(0);
  });
  byId("images-close").addEventListener("click", hideImages);
  list.addEventListener("scroll", show, { passive: true });
  list.addEventListener("keydown", pressed);
  list.addEventListener("focus", show);
  list.addEventListener("blur", show);
  new ResizeObserver(show).observe(list);
  images.known.watch((known) => [known], show);
  images.known.watch(
    ({ total }) => [total],
    ([total]) => (byId("images-count").textContent = total === null ? "" : total.toLocaleString("en")),
  );
  images.known.watch(
    ({ total }) => [total === 0],
    ([isEmpty]) => {
      byId("images-empty").hidden = !isEmpty;
      byId("images-empty").textContent = EMPTY;
    },
  );
  store.watch(
    (state) => [state.opened?.index ?? null],
    ([index]) => {
      if (index !== null && index >= 0) active = index;
      reveal(active);
      show();
    },
  );
}

/** @param {ImageRow} row @param {string} thumbnail address */
function partsOf(row, thumbnail) {
  const image = row.state === "unreadable" ? h("i", { class: "blank" }) : h("img", { src: thumbnail, alt: "", loading: "lazy", decoding: "async", draggable: "false" });
  const text = h("div", {}, h("bdi", {}, row.name), h("div", { class: "state" }, stateOf(row)));
  if (row.doubt === null) return [image, text];
  const doubt = h("i", { class: "doubt", title: row.reason ?? "" });
  doubt.style.setProperty("--share", `${Math.round((100 * row.doubt) / (1 + row.doubt))}%`);
  return [image, text, doubt];
}

/** @param {ImageRow} row */
function titleOf({ name, reason }) {
  return reason === null ? name : `${name}: ${reason}`;
}

/** @param {ImageRow} row */
function stateOf({ state, objects }) {
  if (state === "unreadable") return "Cannot be read";
  if (state === "new") return "New";
  return state === "proposed" ? `${objects} proposed` : objects === 1 ? "1 object" : `${objects} objects`;
}

/** Brings the list forward, where it does not stand beside the image. */
export function showImages() {
  byId("images").classList.add("open");
  byId("image-list").focus();
}

function hideImages() {
  byId("images").classList.remove("open");
}
