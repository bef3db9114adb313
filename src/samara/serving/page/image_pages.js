/**
 * The list of images as far as it was looked at: pages of rows, fetched when somebody needs one.
 *
 * @typedef {import("./state.js").ImageRow} ImageRow
 * @typedef {{total: number, rows: ImageRow[]}} PageOfRows
 * @typedef {{total: number | null, rows: ReadonlyMap<number, ImageRow>}} KnownRows by place in the list; total null: not heard yet
 */
import { createStore } from "./store.js";

const ROWS_PER_PAGE = 200;

/** Orders that the server knows. */
export const ORDERS = { doubt: "Doubtful first", name: "By name" };

/** @param {(order: string, offset: number, limit: number) => Promise<PageOfRows>} fetchRows */
export function createImagePages(fetchRows) {
  let order = Object.keys(ORDERS)[0];
  /** @type {import("./store.js").Store<KnownRows>} */
  const known = createStore(/** @type {KnownRows} */ ({ total: null, rows: new Map() }));
  /** @type {Map<number, Promise<void>>} */
  const asked = new Map();

  /** @param {number} page */
  async function load(page) {
    const first = page * ROWS_PER_PAGE;
    try {
      const { total, rows } = await fetchRows(order, first, ROWS_PER_PAGE);
      const placed = rows.map((row, index) => /** @type {const} */ ([first + index, row]));
      known.update((before) => ({ total, rows: new Map([...before.rows, ...placed]) }));
    } catch (error) {
      asked.delete(page); // asked again when somebody looks again
      throw error;
    }
  }

  /** @param {number} page */
  function ensure(page) {
    const loading = asked.get(page) ?? load(page);
    asked.set(page, loading);
    return loading;
  }

  return {
    known,
    /** Fetch rows of a range that are not known yet. @param {number} first @param {number} end */
    async look(first, end) {
      const pages = [];
      for (let page = Math.floor(first / ROWS_PER_PAGE); page * ROWS_PER_PAGE < end; page++) pages.push(ensure(page));
      await Promise.all(pages);
    },
    /** @param {number} index @returns {Promise<ImageRow | null>} null: the list ends before */
    async row(index) {
      if (index < 0) return null;
      await ensure(Math.floor(index / ROWS_PER_PAGE));
      return known.get().rows.get(index) ?? null;
    },
    /** Say what has become of an image. @param {string} id @param {Partial<ImageRow>} change */
    change(id, change) {
      known.update((before) => {
        const entry = [...before.rows].find(([, row]) => row.id === id);
        if (entry === undefined) return before;
        return { ...before, rows: new Map(before.rows).set(entry[0], { ...entry[1], ...change }) };
      });
    },
    /** Begin again in another order. @param {string} next */
    async restart(next) {
      order = next;
      asked.clear();
      known.update(() => ({ total: null, rows: new Map() }));
      await ensure(0);
    },
  };
}
