/**
 * Everything that a key or a button does, in one table: the toolbar, the keyboard and the help page read it.
 *
 * @typedef {import("./state.js").State} State
 * @typedef {object} Command
 * @property {string} id
 * @property {string} title
 * @property {"Prompts" | "Answers" | "Objects" | "Images" | "View" | "Page"} group
 * @property {readonly string[]} keys the first is the one shown
 * @property {(page: import("./main.js").Page, stroke: string) => void} run
 * @property {(state: State) => boolean} [isEnabled]
 * @property {(state: State) => boolean} [isOn] for commands that switch something
 */
import { classOfStroke, withChosenClass } from "./class_keys.js";
import { boxAtCrosshair, moveCrosshair, promptAtCrosshair } from "./crosshair.js";
import {
  activeCheckpoint,
  chosenAnswer,
  redoneState,
  undoneState,
  withChosenAccepted,
  withoutPrompts,
  worked,
  workOf,
} from "./state.js";
import { isEmpty, takenUp, withoutObject } from "./work.js";

const STEP = 10;
const SMALL_STEP = 1;
const ZOOM = 1.3;

/** @type {Record<string, [number, number]>} */
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @type {readonly Command[]} */
export const COMMANDS = [
  {
    id: "add",
    title: "Click adds",
    group: "Prompts",
    keys: ["v"],
    run: ({ store }) => store.update((state) => ({ ...state, tool: "add" })),
    isOn: (state) => state.tool === "add",
  },
  {
    id: "remove",
    title: "Click removes",
    group: "Prompts",
    keys: ["r"],
    run: ({ store }) => store.update((state) => ({ ...state, tool: state.tool === "remove" ? "add" : "remove" })),
    isOn: (state) => state.tool === "remove",
  },
  {
    id: "move",
    title: "Drag moves the image",
    group: "View",
    keys: ["m"],
    run: ({ store }) => store.update((state) => ({ ...state, tool: state.tool === "move" ? "add" : "move" })),
    isOn: (state) => state.tool === "move",
  },
  {
    id: "add-here",
    title: "Add what is under the crosshair",
    group: "Prompts",
    keys: [" "],
    run: ({ store }) => store.update((state) => promptAtCrosshair(state, state.tool !== "remove")),
  },
  {
    id: "remove-here",
    title: "Remove what is under the crosshair",
    group: "Prompts",
    keys: ["x", "Shift+ "],
    run: ({ store }) => store.update((state) => promptAtCrosshair(state, false)),
  },
  {
    id: "box-here",
    title: "Begin a box at the crosshair; again: end it",
    group: "Prompts",
    keys: ["b"],
    run: ({ store }) => store.update(boxAtCrosshair),
  },
  {
    id: "crosshair",
    title: "Move the crosshair; with Shift in small steps",
    group: "Prompts",
    keys: Object.keys(DIRECTIONS).flatMap((key) => [key, `Shift+${key}`]),
    run: (page, stroke) => page.store.update((state) => moveCrosshair(state, page.stageSize(), ...stepOf(stroke))),
  },
  ...[0, 1, 2].map((/** @type {number} */ choice) => ({
    id: `answer-${choice + 1}`,
    title: `Answer ${choice + 1}`,
    group: /** @type {const} */ ("Answers"),
    keys: [String(choice + 1)],
    run: (/** @type {import("./main.js").Page} */ { store }) => store.update((state) => ({ ...state, choice })),
    isEnabled: (/** @type {State} */ state) => isAsking(state) || choice < (state.sides[state.activeSide]?.answers.length ?? 0),
    isOn: (/** @type {State} */ state) => state.choice === choice,
  })),
  {
    id: "accept",
    title: "Accept the answer",
    group: "Answers",
    keys: ["Enter"],
    run: ({ store }) => store.update(withChosenAccepted),
    isEnabled: (state) => isAsking(state) || (chosenAnswer(state, state.activeSide)?.mask.area ?? 0) > 0,
  },
  {
    id: "clear",
    title: "Clear the prompts; leave everything mode",
    group: "Prompts",
    keys: ["Escape"],
    run: ({ store, surveying }) => (store.get().everything === null ? store.update(cleared) : surveying.leave()),
    isEnabled: (state) => state.everything !== null || state.selected !== null || state.boxCorner !== null || !isEmpty(workOf(state).prompts),
  },
  {
    id: "undo",
    title: "Undo",
    group: "Objects",
    keys: ["z", "Ctrl+z"],
    run: ({ store }) => store.update(undoneState),
    isEnabled: (state) => (state.opened?.history.past.length ?? 0) > 0,
  },
  {
    id: "redo",
    title: "Redo",
    group: "Objects",
    keys: ["y", "Shift+Z", "Ctrl+Shift+Z", "Ctrl+y"],
    run: ({ store }) => store.update(redoneState),
    isEnabled: (state) => (state.opened?.history.future.length ?? 0) > 0,
  },
  {
    id: "delete",
    title: "Delete the selected object",
    group: "Objects",
    keys: ["Delete", "Backspace"],
    run: ({ store }) => store.update((state) => worked(state, (work) => withoutObject(work, state.selected ?? ""))),
    isEnabled: (state) => state.selected !== null,
  },
  {
    id: "take-up",
    title: "Work on the selected object again",
    group: "Objects",
    keys: ["w"],
    run: ({ store }) => store.update((state) => worked(withoutPrompts(state), (work) => takenUp(work, state.selected ?? ""))),
    isEnabled: (state) => state.selected !== null,
  },
  {
    id: "everything",
    title: "Propose everything",
    group: "Answers",
    keys: ["e"],
    run: ({ store, surveying }) => (store.get().everything === null ? surveying.enter() : surveying.leave()),
    isEnabled: (state) => state.opened !== null && state.opened.phase !== "loading" && (activeCheckpoint(state)?.hasEverything ?? false),
    isOn: (state) => state.everything !== null,
  },
  {
    id: "new-class",
    title: "New class",
    group: "Objects",
    keys: ["c"],
    run: () => document.getElementById("new-class")?.focus(),
  },
  {
    id: "done",
    title: "This image is done; go to the next",
    group: "Images",
    keys: ["Shift+N"],
    run: ({ finish, navigation }) => {
      finish();
      navigation.openNeighbour(1);
    },
    isEnabled: (state) => state.opened !== null && state.opened.phase !== "loading",
  },
  {
    id: "next",
    title: "Next image",
    group: "Images",
    keys: ["n", "PageDown"],
    run: ({ navigation }) => navigation.openNeighbour(1),
    isEnabled: (state) => state.opened !== null,
  },
  {
    id: "previous",
    title: "Previous image",
    group: "Images",
    keys: ["p", "PageUp"],
    run: ({ navigation }) => navigation.openNeighbour(-1),
    isEnabled: (state) => state.opened !== null,
  },
  {
    id: "list",
    title: "List of images",
    group: "Images",
    keys: ["i"],
    run: ({ showImages }) => showImages(),
  },
  {
    id: "zoom-in",
    title: "Zoom in",
    group: "View",
    keys: ["+", "="],
    run: ({ zoom }) => zoom(ZOOM),
  },
  {
    id: "zoom-out",
    title: "Zoom out",
    group: "View",
    keys: ["-"],
    run: ({ zoom }) => zoom(1 / ZOOM),
  },
  {
    id: "fit",
    title: "Show the whole image",
    group: "View",
    keys: ["0"],
    run: ({ store }) => store.update((state) => ({ ...state, view: null })),
  },
  {
    id: "masks",
    title: "Show or hide the objects",
    group: "View",
    keys: ["o"],
    run: ({ store }) => store.update((state) => ({ ...state, areMasksShown: !state.areMasksShown })),
    isOn: (state) => state.areMasksShown,
  },
  {
    id: "other-side",
    title: "The other checkpoint's answer",
    group: "Answers",
    keys: ["t"],
    run: ({ store }) => store.update((state) => ({ ...state, activeSide: (state.activeSide + 1) % state.sides.length })),
    isEnabled: (state) => state.sides.length > 1,
  },
  {
    id: "help",
    title: "All keys",
    group: "Page",
    keys: ["?"],
    run: ({ showHelp }) => showHelp(),
  },
];

/** @param {string} id @returns {Command} */
export function commandOf(id) {
  const found = COMMANDS.find((command) => command.id === id);
  if (found === undefined) throw new Error(`There is no command ${id}.`);
  return found;
}

/**
 * Run what a key stroke stands for.
 * @param {import("./main.js").Page} page
 * @param {string} stroke
 * @returns {boolean} whether it stands for something
 */
export function runStroke(page, stroke) {
  const className = classOfStroke(page.store.get(), stroke);
  if (className !== null) {
    page.store.update((state) => withChosenClass(state, className));
    return true;
  }
  const command = COMMANDS.find(({ keys }) => keys.includes(stroke));
  if (command === undefined) return false;
  if (command.isEnabled?.(page.store.get()) ?? true) command.run(page, stroke);
  return true;
}

/** @param {State} state */
function isAsking({ sides, activeSide }) {
  return sides[activeSide]?.status === "asking";
}

/** @param {State} state @returns {State} */
function cleared(state) {
  return { ...withoutPrompts(state), selected: null };
}

/** How far a stroke moves the crosshair, in pixels of the screen. @param {string} stroke @returns {[number, number]} */
function stepOf(stroke) {
  const isSmall = stroke.startsWith("Shift+");
  const [dx, dy] = DIRECTIONS[isSmall ? stroke.slice("Shift+".length) : stroke];
  const step = isSmall ? SMALL_STEP : STEP;
  return [dx * step, dy * step];
}
