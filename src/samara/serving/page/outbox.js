/**
 * Changes on their way to the server. Each is the whole new value of one key, so that a newer one replaces an older
 * one and sending twice does no harm. What has not arrived lies on a shelf that outlives the page.
 *
 * @typedef {{state: "saved" | "saving" | "refused", waiting: number, problem: string | null}} Saving
 */
import { sentenceOf } from "./errors.js";

/**
 * @template T
 * @param {object} parts
 * @param {import("./shelf.js").Shelf<T>} parts.shelf
 * @param {(key: string, value: T) => Promise<void>} parts.send resolves when the server has it; throws if it refuses
 * @param {(saving: Saving) => void} parts.tell
 */
export async function createOutbox({ shelf, send, tell }) {
  const waiting = await shelf.all();
  /** @type {Map<string, string>} */
  const refused = new Map();
  /** @type {Promise<void> | null} */
  let sending = null;

  function report() {
    const problem = [...refused.values()].at(-1) ?? null;
    const state = waiting.size > refused.size ? "saving" : problem === null ? "saved" : "refused";
    tell({ state, waiting: waiting.size, problem });
  }

  /** @returns {Promise<void>} */
  function flush() {
    if (sending !== null) return sending;
    if (nextKey() === undefined) return Promise.resolve();
    sending = sendAll();
    return sending;
  }

  async function sendAll() {
    for (let next = nextKey(); next !== undefined; next = nextKey()) {
      report();
      await sendOne(next);
    }
    sending = null;
    report();
  }

  function nextKey() {
    return [...waiting.keys()].find((key) => !refused.has(key));
  }

  /** @param {string} key */
  async function sendOne(key) {
    const value = /** @type {T} */ (waiting.get(key));
    try {
      await send(key, value);
    } catch (error) {
      if (waiting.get(key) === value) refused.set(key, sentenceOf(error));
      return;
    }
    if (waiting.get(key) !== value) return; // a newer one came while this one travelled
    waiting.delete(key);
    await shelf.remove(key);
  }

  report();
  return {
    /** @param {string} key @param {T} value */
    async put(key, value) {
      waiting.set(key, value);
      refused.delete(key);
      report();
      await shelf.put(key, value);
      await flush();
    },
    /** What has not arrived yet under a key. @param {string} key @returns {T | undefined} */
    get: (key) => waiting.get(key),
    /** Send what waits, what was refused included; resolves when nothing is left to try. */
    async again() {
      refused.clear();
      report();
      await flush();
    },
  };
}
