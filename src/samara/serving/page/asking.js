/**
 * Two ways of asking a question whose answer is soon out of date.
 */

/**
 * The newest question wins: it aborts the one before.
 * @template Q, A
 * @param {(question: Q, signal: AbortSignal) => Promise<A>} ask
 * @returns {{ask: (question: Q) => Promise<A | null>, stop: () => void}} null: a newer question came
 */
export function newest(ask) {
  let current = new AbortController();
  return {
    async ask(question) {
      current.abort();
      const mine = new AbortController();
      current = mine;
      try {
        const answer = await ask(question, mine.signal);
        return mine.signal.aborted ? null : answer;
      } catch (error) {
        if (mine.signal.aborted) return null;
        throw error;
      }
    },
    stop: () => current.abort(),
  };
}

/**
 * One question is on its way; of those that come meanwhile the newest waits. A pointer that never rests still gets
 * answers, which it would not if each movement aborted the question before.
 * @template Q, A
 * @param {(question: Q, signal: AbortSignal) => Promise<A>} ask
 * @param {(answer: A, question: Q) => void} deliver
 * @param {(error: unknown) => void} fail
 * @returns {{ask: (question: Q) => void, stop: () => void}}
 */
export function following(ask, deliver, fail) {
  /** @type {AbortController | null} */
  let current = null;
  /** @type {{question: Q} | null} */
  let waiting = null;

  /** @param {Q} question */
  async function run(question) {
    const mine = new AbortController();
    current = mine;
    try {
      const answer = await ask(question, mine.signal);
      if (!mine.signal.aborted) deliver(answer, question);
    } catch (error) {
      if (!mine.signal.aborted) fail(error);
    }
    if (current !== mine) return;
    current = null;
    const next = waiting;
    waiting = null;
    if (next !== null) run(next.question);
  }

  return {
    ask(question) {
      if (current === null) run(question);
      else waiting = { question };
    },
    stop() {
      waiting = null;
      current?.abort();
      current = null;
    },
  };
}
