/**
 * Asks the checkpoints whenever prompts change, and previews what lies under the pointer.
 *
 * @typedef {import("./state.js").State} State
 * @typedef {import("./work.js").Prompts} Prompts
 * @typedef {{image: string, checkpoint: string, prompts: Prompts, wanted: "three" | "best"}} Question
 */
import { following, newest } from "./asking.js";
import { sentenceOf } from "./errors.js";
import { pixelAt } from "./giving.js";
import { remembering } from "./remembering.js";
import { answered, withSide, workOf } from "./state.js";
import { isAskable, isEmpty, NO_PROMPTS } from "./work.js";

const MOST_SIDES = 2;

/**
 * @param {import("./main.js").Parts} page
 * @returns {{preview: (at: import("./view.js").Point | null, time: number) => void}}
 */
export function startPrompting({ store, api, connection }) {
  const predict = remembering(api.predict);
  const sides = Array.from({ length: MOST_SIDES }, () =>
    newest((/** @type {Question} */ question, signal) => connection.patiently(() => predict(question, signal), signal)),
  );

  const previews = previewing(store, predict);

  /** @param {Question} question @param {number} index */
  async function askSide(question, index) {
    store.update((state) => withSide(state, index, { status: "asking", problem: null }));
    try {
      const answers = await sides[index].ask(question);
      if (answers === null) return;
      store.update((state) => answered(state, index, answers));
    } catch (error) {
      const problem = sentenceOf(error);
      store.update((state) => withSide(state, index, { status: "refused", answers: [], preview: null, problem }));
    }
  }

  store.watch(
    (state) => [state.opened?.row.id ?? null, workOf(state).prompts, checkpointsOf(state).join("\n")],
    ([image, prompts]) => {
      previews.stop();
      checkpointsOf(store.get()).forEach((checkpoint, index) => {
        if (image !== null && isAskable(prompts)) askSide({ image, checkpoint, prompts, wanted: "three" }, index);
        else silence(index);
      });
    },
  );

  /** @param {number} index */
  function silence(index) {
    sides[index].stop();
    store.update((state) => withSide(state, index, { status: "idle", answers: [], preview: null, problem: null }));
  }

  return { preview: previews.preview };
}

/**
 * @param {import("./store.js").Store<State>} store
 * @param {(question: Question, signal: AbortSignal) => Promise<import("./work.js").Answer[]>} predict
 */
function previewing(store, predict) {
  const asked = following(
    (/** @type {{questions: Question[], time: number}} */ { questions }, signal) =>
      Promise.all(questions.map((question) => predict(question, signal))),
    (answers, { time }) =>
      store.update((state) => ({
        ...answers.reduce((changed, [best], index) => withSide(changed, index, { preview: best ?? null }), state),
        previewAsked: time,
      })),
    () => clear(), // what a click would say aloud is no matter for a preview
  );

  function clear() {
    const { sides } = store.get();
    if (sides.every((side) => side.preview === null)) return;
    store.update((state) => sides.reduce((changed, _, index) => withSide(changed, index, { preview: null }), state));
  }

  return {
    stop: asked.stop,
    /** @param {import("./view.js").Point | null} at in image coordinates @param {number} time */
    preview(at, time) {
      const state = store.get();
      if (at === null || !canPreview(state)) {
        asked.stop();
        clear();
        return;
      }
      const image = /** @type {import("./state.js").Opened} */ (state.opened).row.id;
      const prompts = { ...NO_PROMPTS, points: [pixelAt(at, true)] };
      asked.ask({ questions: checkpointsOf(state).map((checkpoint) => ({ image, checkpoint, prompts, wanted: "best" })), time });
    },
  };
}

/** @param {State} state */
function canPreview(state) {
  const isFree = state.everything === null && state.tool !== "move" && isEmpty(workOf(state).prompts);
  return state.opened?.phase === "ready" && state.connection === null && isFree;
}

/** @param {State} state @returns {string[]} */
function checkpointsOf(state) {
  return state.sides.map((side) => side.checkpoint);
}
