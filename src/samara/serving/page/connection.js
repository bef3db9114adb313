/**
 * What happens while the server does not answer: everything asked waits, and is asked again once it does.
 */
import { Unreachable } from "./errors.js";

const PAUSES_MS = [500, 1000, 2000, 3000];

/**
 * @param {() => Promise<unknown>} knock asks the server for something small; throws Unreachable
 * @param {(problem: string | null) => void} tell what is wrong, in a sentence; null when the server is back
 */
export function createConnection(knock, tell) {
  /** @type {Promise<void> | null} */
  let comingBack = null;

  /** @param {Unreachable} first */
  async function knockUntilBack(first) {
    tell(first.message);
    for (let round = 0; ; round++) {
      await pause(PAUSES_MS[Math.min(round, PAUSES_MS.length - 1)]);
      try {
        await knock();
        break;
      } catch (error) {
        if (!(error instanceof Unreachable)) break;
        tell(error.message);
      }
    }
    comingBack = null;
    tell(null);
  }

  return {
    /**
     * Ask; if the server is away, again when it is back.
     * @template A
     * @param {() => Promise<A>} ask
     * @param {AbortSignal} [signal]
     * @returns {Promise<A>}
     */
    async patiently(ask, signal) {
      for (;;) {
        try {
          return await ask();
        } catch (error) {
          if (!(error instanceof Unreachable) || signal?.aborted) throw error;
          comingBack ??= knockUntilBack(error);
          await comingBack;
        }
      }
    },
  };
}

/** @param {number} milliseconds @returns {Promise<void>} */
function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
