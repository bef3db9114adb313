/**
 * What outlives the page: a table of the browser's own database, one value by key.
 *
 * @template T
 * @typedef {object} Shelf
 * @property {() => Promise<Map<string, T>>} all
 * @property {(key: string, value: T) => Promise<void>} put
 * @property {(key: string) => Promise<void>} remove
 */

const DATABASE = "samara";
const TABLE = "unsaved";

/**
 * @template T
 * @param {string} room keys of different rooms do not meet
 * @returns {Promise<Shelf<T>>}
 */
export async function openShelf(room) {
  const database = await openDatabase();
  const rows = (/** @type {IDBTransactionMode} */ mode) => database.transaction(TABLE, mode).objectStore(TABLE);
  const prefix = `${room}/`;
  const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
  return {
    async all() {
      const table = rows("readonly");
      const [keys, values] = await Promise.all([done(table.getAllKeys(range)), done(table.getAll(range))]);
      return new Map(keys.map((key, index) => [String(key).slice(prefix.length), values[index]]));
    },
    put: async (key, value) => void (await done(rows("readwrite").put(value, prefix + key))),
    remove: async (key) => void (await done(rows("readwrite").delete(prefix + key))),
  };
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
  return done(request);
}

/** @template R @param {IDBRequest<R>} request @returns {Promise<R>} */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
