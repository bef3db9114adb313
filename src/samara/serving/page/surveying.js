/** Everything mode: one question, proposals to pick from. */
import { newest } from "./asking.js";
import { sentenceOf } from "./errors.js";
import { NO_LIMITS } from "./proposals.js";
import { activeCheckpoint, withEverything, withoutPrompts } from "./state.js";

/**
 * @param {import("./main.js").Parts} page
 */
export function startSurveying({ store, api, connection }) {
  const asked = newest((/** @type {{image: string, checkpoint: string}} */ question, signal) =>
    connection.patiently(() => api.everything(question, signal), signal),
  );

  /** @param {{image: string, checkpoint: string}} question */
  async function survey(question) {
    try {
      const found = await asked.ask(question);
      if (found !== null) store.update((state) => withEverything(state, { status: "there", ...found }));
    } catch (error) {
      store.update((state) => withEverything(state, { status: "refused", problem: sentenceOf(error) }));
    }
  }

  return {
    enter() {
      const { opened } = store.get();
      const checkpoint = activeCheckpoint(store.get());
      if (opened === null || opened.phase === "loading" || checkpoint === null) return;
      const limits = { ...NO_LIMITS, ...checkpoint.thresholds };
      const everything = /** @type {const} */ ({ status: "asking", proposals: [], limits, pointed: null, problem: null });
      store.update((state) => ({ ...withoutPrompts(state), everything }));
      survey({ image: opened.row.id, checkpoint: checkpoint.name });
    },
    leave() {
      asked.stop();
      store.update((state) => ({ ...state, everything: null }));
    },
  };
}
