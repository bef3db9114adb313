/** What happens, in words, for those who do not see it. */
import { describe } from "./answers.js";
import { byId } from "./dom.js";
import { chosenAnswer, workOf } from "./state.js";

/** @typedef {import("./state.js").State} State */

/** @param {import("./main.js").Page} page */
export function startSaying({ store }) {
  const say = (/** @type {string} */ said) => store.update((state) => ({ ...state, said }));
  store.watch(
    (state) => [state.said],
    ([said]) => (byId("said").textContent = said),
  );
  store.watch(
    (state) => [state.opened?.row ?? null, state.opened?.phase === "ready"],
    ([row, isReady]) => {
      if (row !== null && isReady) say(`${row.name}, ${countOf(workOf(store.get()).objects.length)}, ready`);
    },
  );
  store.watch(
    (state) => [chosenAnswer(state, state.activeSide), state.choice],
    ([answer]) => {
      if (answer !== null) say(`Answer ${store.get().choice + 1}: ${describe(answer)}`);
    },
  );
  store.watch(
    (state) => [workOf(state).objects.length, state.opened?.row.id ?? null],
    ([count]) => say(countOf(count)),
  );
}

/** @param {number} count */
function countOf(count) {
  return count === 1 ? "1 object" : `${count} objects`;
}
