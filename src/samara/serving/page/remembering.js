/** What was found out before is not found out again. */

const MOST = 64;

/**
 * Answers to questions, so that undo and redo show their masks at once.
 * @template Q, A
 * @param {(question: Q, signal: AbortSignal) => Promise<A>} ask of a question that JSON can write
 * @returns {(question: Q, signal: AbortSignal) => Promise<A>}
 */
export function remembering(ask) {
  /** @type {Map<string, A>} */
  const known = new Map();
  return async (question, signal) => {
    const key = JSON.stringify(question);
    const answer = known.get(key) ?? (await ask(question, signal));
    known.delete(key);
    known.set(key, answer); // the newest is last, the oldest is forgotten
    if (known.size > MOST) known.delete(/** @type {string} */ (known.keys().next().value));
    return answer;
  };
}

/**
 * A function that computes only when it gets other values than the last time.
 * @template {unknown[]} V
 * @template R
 * @param {(...values: V) => R} compute
 * @returns {(...values: V) => R}
 */
export function rememberingLast(compute) {
  /** @type {{values: V, result: R} | null} */
  let last = null;
  return (...values) => {
    if (last === null || values.some((value, place) => value !== last?.values[place])) last = { values, result: compute(...values) };
    return last.result;
  };
}
