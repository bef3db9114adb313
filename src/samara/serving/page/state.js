/**
 * What the page shows, as one value, and how it changes. Nothing here asks the server or touches the document.
 *
 * @typedef {import("./view.js").Point} Point
 * @typedef {import("./view.js").View} View
 * @typedef {import("./run_lengths.js").Box} Box
 * @typedef {import("./work.js").Answer} Answer
 * @typedef {import("./work.js").Work} Work
 * @typedef {import("./history.js").History<Work>} WorkHistory
 * @typedef {import("./proposals.js").Limits} Limits
 *
 * @typedef {{name: string, colour: string}} ClassOfObjects
 * @typedef {{name: string, title: string}} ExportFormat
 * @typedef {object} Session what the server says of itself once
 * @property {string} folder
 * @property {string} store
 * @property {readonly Checkpoint[]} checkpoints the default one first
 * @property {readonly ExportFormat[]} formats
 *
 * @typedef {object} Checkpoint
 * @property {string} name
 * @property {string} title
 * @property {boolean} hasEverything whether it can propose objects without prompts
 * @property {{predictedIou: number, stability: number}} thresholds what suits its proposals
 *
 * @typedef {object} ImageRow one line of the list
 * @property {string} id
 * @property {string} name
 * @property {number} width
 * @property {number} height
 * @property {"new" | "proposed" | "annotated" | "unreadable"} state
 * @property {number} objects
 * @property {number | null} doubt from 0; the larger, the more it should be looked at
 * @property {string | null} reason of the doubt, or why it cannot be read
 *
 * @typedef {object} Opened the image on the stage
 * @property {ImageRow} row
 * @property {number} index in the list
 * @property {"loading" | "embedding" | "ready" | "failed"} phase
 * @property {ImageBitmap | null} pixels
 * @property {WorkHistory} history
 * @property {Work["objects"]} sent the objects as they came from the server or were last sent there
 * @property {string | null} problem
 *
 * @typedef {object} Side a checkpoint and what it answers
 * @property {string} checkpoint
 * @property {"idle" | "asking" | "there" | "refused"} status
 * @property {readonly Answer[]} answers best first
 * @property {string | null} problem
 * @property {Answer | null} preview the answer to where the pointer rests
 *
 * @typedef {object} Everything
 * @property {"asking" | "there" | "refused"} status
 * @property {readonly Answer[]} proposals
 * @property {Limits} limits
 * @property {Answer | null} pointed the proposal under the pointer
 * @property {string | null} problem
 *
 * @typedef {object} State
 * @property {Session} session
 * @property {readonly ClassOfObjects[]} classes
 * @property {string | null} className what accepted objects are
 * @property {Opened | null} opened
 * @property {ReadonlyMap<string, WorkHistory>} kept the work on images that were left
 * @property {readonly Side[]} sides one, or two side by side
 * @property {number} activeSide
 * @property {number} choice which answer is shown, from 0
 * @property {boolean} acceptsNext whether the answer that is on its way was accepted in advance
 * @property {"add" | "remove" | "move"} tool
 * @property {Everything | null} everything
 * @property {View | null} view null: fitted to the stage
 * @property {Point | null} crosshair
 * @property {Point | null} boxCorner where a box that the keyboard draws began
 * @property {Box | null} drawnBox
 * @property {boolean} areMasksShown
 * @property {string | null} selected the object that keys act on
 * @property {import("./outbox.js").Saving} saving
 * @property {number | null} previewAsked when the previews that are shown were asked for, as of performance.now()
 * @property {string | null} connection why the server does not answer
 * @property {string | null} notice
 * @property {string} said for the live region
 */
import { redone, started, stepped, undone } from "./history.js";
import { shown, untaken } from "./proposals.js";
import { accepted, NO_PROMPTS, NO_WORK } from "./work.js";

/** @type {Session} */
export const NO_SESSION = { folder: "", store: "", checkpoints: [], formats: [] };

/**
 * @param {Session} session
 * @param {readonly ClassOfObjects[]} classes
 * @returns {State}
 */
export function initialState(session, classes) {
  return {
    session,
    classes,
    className: classes[0]?.name ?? null,
    opened: null,
    kept: new Map(),
    sides: session.checkpoints.slice(0, 1).map(({ name }) => sideOf(name)),
    activeSide: 0,
    choice: 0,
    acceptsNext: false,
    tool: "add",
    everything: null,
    view: null,
    crosshair: null,
    boxCorner: null,
    drawnBox: null,
    areMasksShown: true,
    selected: null,
    previewAsked: null,
    saving: { state: "saved", waiting: 0, problem: null },
    connection: null,
    notice: null,
    said: "",
  };
}

/** @param {string} checkpoint @returns {Side} */
export function sideOf(checkpoint) {
  return { checkpoint, status: "idle", answers: [], problem: null, preview: null };
}

/** @param {State} state @returns {Work} */
export function workOf(state) {
  return state.opened?.history.present ?? NO_WORK;
}

/** The checkpoint of the active side. @param {State} state @returns {Checkpoint | null} */
export function activeCheckpoint({ session, sides, activeSide }) {
  return session.checkpoints.find(({ name }) => name === sides[activeSide]?.checkpoint) ?? null;
}

/** The answer that is shown on a side. @param {State} state @param {number} side @returns {Answer | null} */
export function chosenAnswer(state, side) {
  const answers = state.sides[side]?.answers ?? [];
  return answers[Math.min(state.choice, answers.length - 1)] ?? null;
}

/** @param {State} state @param {string | null} className @returns {string} */
export function colourOf(state, className) {
  return state.classes.find((one) => one.name === className)?.colour ?? "#56b4e9";
}

/**
 * The state with an image on the stage; the work on the one before is kept.
 * @param {State} state
 * @param {ImageRow} row
 * @param {number} index
 * @returns {State}
 */
export function opening(state, row, index) {
  const kept = new Map(state.kept);
  if (state.opened !== null && state.opened.phase !== "loading") kept.set(state.opened.row.id, state.opened.history);
  const opened = { row, index, phase: /** @type {const} */ ("loading"), pixels: null, history: started(NO_WORK), sent: NO_WORK.objects, problem: null };
  return { ...quiet(state), opened, kept, everything: null, view: null, crosshair: null, selected: null, notice: null };
}

/**
 * @param {State} state
 * @param {Partial<Opened>} change
 * @returns {State}
 */
export function withOpened(state, change) {
  return state.opened === null ? state : { ...state, opened: { ...state.opened, ...change } };
}

/**
 * The state after a step of the work, which can be undone.
 * @param {State} state
 * @param {(work: Work) => Work} step
 * @returns {State}
 */
export function worked(state, step) {
  if (state.opened === null || state.opened.phase === "loading") return state;
  return withHistory(state, stepped(state.opened.history, step(state.opened.history.present)));
}

/** @param {State} state @returns {State} */
export function undoneState(state) {
  return state.opened === null ? state : withHistory(state, undone(state.opened.history));
}

/** @param {State} state @returns {State} */
export function redoneState(state) {
  return state.opened === null ? state : withHistory(state, redone(state.opened.history));
}

/** The state with prompts taken away, and the first answer chosen. @param {State} state @returns {State} */
export function withoutPrompts(state) {
  return { ...worked(state, (work) => ({ ...work, prompts: NO_PROMPTS })), choice: 0, acceptsNext: false, drawnBox: null, boxCorner: null, tool: toolOfNext(state) };
}

/** Nothing begins with a removal. @param {State} state @returns {State["tool"]} */
function toolOfNext({ tool }) {
  return tool === "remove" ? "add" : tool;
}

/** @param {State} state @param {readonly Answer[]} answers @returns {State} */
export function withAccepted(state, answers) {
  return { ...worked(state, (work) => accepted(work, answers, state.className)), choice: 0, selected: null, tool: toolOfNext(state) };
}

/** The state with the shown answer accepted; as soon as it is there, if it is still on its way. @param {State} state @returns {State} */
export function withChosenAccepted(state) {
  if (state.sides[state.activeSide]?.status === "asking") return { ...state, acceptsNext: true };
  const answer = chosenAnswer(state, state.activeSide);
  return answer === null ? state : withAccepted(state, [answer]);
}

/**
 * The state after a side has answered.
 * @param {State} state
 * @param {number} index
 * @param {readonly Answer[]} answers
 * @returns {State}
 */
export function answered(state, index, answers) {
  const there = withSide(state, index, { status: "there", answers, preview: null });
  return state.acceptsNext && index === state.activeSide ? withChosenAccepted({ ...there, acceptsNext: false }) : there;
}

/**
 * @param {State} state
 * @param {number} index
 * @param {Partial<Side>} change
 * @returns {State}
 */
export function withSide(state, index, change) {
  return { ...state, sides: state.sides.map((side, at) => (at === index ? { ...side, ...change } : side)) };
}

/** @param {State} state @param {Partial<Everything>} change @returns {State} */
export function withEverything(state, change) {
  return state.everything === null ? state : { ...state, everything: { ...state.everything, ...change } };
}

/** Proposals that the sliders leave and that are no objects yet. @param {State} state */
export function openProposals(state) {
  if (state.everything === null) return [];
  return shown(untaken(state.everything.proposals, workOf(state).objects), state.everything.limits);
}

/** The state with nothing asked and nothing answered. @param {State} state @returns {State} */
export function quiet(state) {
  const sides = state.sides.map((side) => sideOf(side.checkpoint));
  return { ...state, sides, choice: 0, acceptsNext: false, drawnBox: null, boxCorner: null };
}

/** @param {State} state @param {WorkHistory} history @returns {State} */
function withHistory(state, history) {
  if (state.opened === null || history === state.opened.history) return state;
  const isSelectedThere = history.present.objects.some((object) => object.id === state.selected);
  return { ...withOpened(state, { history }), selected: isSelectedThere ? state.selected : null };
}
