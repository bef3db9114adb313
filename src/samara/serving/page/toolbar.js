/** Buttons of the page and the commands behind them. */
import { COMMANDS, commandOf } from "./commands.js";

/** How keys are written on the page. @type {Record<string, string>} */
const KEY_NAMES = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", PageDown: "Page down", PageUp: "Page up" };

/**
 * A stroke as people write it: its keys one by one.
 * @param {string} stroke
 * @returns {string[]}
 */
export function keyNames(stroke) {
  const parts = stroke === "+" ? ["+"] : stroke.split("+");
  return parts.map((part) => KEY_NAMES[part] ?? (part.length === 1 ? part.toUpperCase() : part));
}

/** @param {import("./main.js").Page} page */
export function startToolbar(page) {
  for (const element of document.querySelectorAll("[data-command]")) {
    const button = /** @type {HTMLButtonElement} */ (element);
    const command = commandOf(button.dataset.command ?? "");
    const keys = keyNames(command.keys[0]).join(" ");
    button.title = `${command.title} (${keys})`;
    button.setAttribute("aria-keyshortcuts", command.keys.map((key) => key.replace(" ", "Space")).join(" "));
    button.addEventListener("click", () => command.run(page, command.keys[0]));
    page.store.watch(
      (state) => [command.isEnabled?.(state) ?? true, command.isOn?.(state) ?? null],
      ([isEnabled, isOn]) => {
        button.disabled = !isEnabled;
        if (isOn !== null) button.setAttribute("aria-pressed", String(isOn));
      },
    );
  }
}

/** The commands of each group, as the help shows them. @returns {Map<string, import("./commands.js").Command[]>} */
export function commandsByGroup() {
  return Map.groupBy(COMMANDS, (command) => command.group);
}
