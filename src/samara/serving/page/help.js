/** The overlay with every key, written from the table of commands. */
import { CLASS_KEYS } from "./class_keys.js";
import { byId, h } from "./dom.js";
import { commandsByGroup, keyNames } from "./toolbar.js";

/** What mouse and fingers do. */
const POINTER = [
  ["Click, tap", "Add what is there"],
  ["Right click, Alt and click", "Remove what is there"],
  ["Drag", "Draw a box; with Move: move the image"],
  ["Wheel, two fingers", "Zoom and move"],
  ["Middle button", "Move the image"],
  ["Click on a proposal", "Accept it"],
];

/** Of a command's keys two are shown; of those for directions or classes all, but Shift is left to the words. */
const MOST_KEYS = 6;

/** @returns {() => void} shows the overlay */
export function startHelp() {
  const dialog = /** @type {HTMLDialogElement} */ (byId("help"));
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  dialog.append(
    h("div", { class: "help-head" }, h("h2", { id: "help-title" }, "Mouse, fingers and keys"), close),
    h("div", { class: "help-body" }, pointerSection(), ...[...commandsByGroup()].map(([group, commands]) => section(group, commands))),
  );
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  return () => dialog.showModal();
}

function pointerSection() {
  const lines = POINTER.flatMap(([gesture, meaning]) => [h("dt", {}, gesture), h("dd", {}, meaning)]);
  return h("section", {}, h("h3", {}, "Mouse and fingers"), h("dl", {}, ...lines));
}

/** @param {string} group @param {import("./commands.js").Command[]} commands */
function section(group, commands) {
  const lines = commands.flatMap(({ keys, title }) => [keysOf(keys), h("dd", {}, title)]);
  if (group === "Objects") lines.push(keysOf(CLASS_KEYS), h("dd", {}, "Class of the next or the selected object"));
  return h("section", {}, h("h3", {}, group), h("dl", {}, ...lines));
}

/** @param {readonly string[]} keys */
function keysOf(keys) {
  const shown = keys.length > MOST_KEYS ? keys.filter((stroke) => !stroke.startsWith("Shift+")) : keys.slice(0, 2);
  return h("dt", {}, ...shown.flatMap((stroke, place) => [...(place > 0 ? [" "] : []), strokeElement(stroke)]));
}

/** @param {string} stroke */
function strokeElement(stroke) {
  return h("span", {}, ...keyNames(stroke).map((name) => h("kbd", {}, name)));
}
