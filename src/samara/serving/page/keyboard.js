/**
 * Keys on their way to commands. A key that a control needs itself stays with it.
 *
 * @typedef {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, shiftKey: boolean}} Stroke
 */

const TYPES_TEXT = "input:not([type=range]):not([type=checkbox]), textarea, [contenteditable]";
const HAS_OWN_KEYS = "button, select, input, summary, a, [role=option], [role=listbox]";
const KEYS_OF_CONTROLS = new Set([" ", "Enter", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]);

/**
 * How a key stroke is written in the table of commands: `z`, `Shift+Z`, `Ctrl+z`, `Shift+ArrowUp`, `?`. ⌘ counts as Ctrl.
 * @param {Stroke} event
 * @returns {string}
 */
export function strokeOf({ key, ctrlKey, metaKey, altKey, shiftKey }) {
  const isNamed = key.length > 1 || key === " ";
  const isLetter = key.toLowerCase() !== key.toUpperCase() && !isNamed;
  const letter = isLetter ? (shiftKey ? key.toUpperCase() : key.toLowerCase()) : key;
  const parts = [ctrlKey || metaKey ? "Ctrl" : "", altKey ? "Alt" : "", shiftKey && (isNamed || isLetter) ? "Shift" : ""];
  return [...parts.filter(Boolean), letter].join("+");
}

/**
 * @param {(stroke: string) => boolean} run whether a command took it
 */
export function listenToKeys(run) {
  document.addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]") !== null) return;
    if (target.matches(TYPES_TEXT)) return;
    if (KEYS_OF_CONTROLS.has(event.key) && target.matches(HAS_OWN_KEYS)) return;
    if (run(strokeOf(event))) event.preventDefault();
  });
}
