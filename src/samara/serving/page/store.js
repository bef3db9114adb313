/**
 * One value that the whole page shows, and who is told when it changes.
 *
 * @template T
 * @typedef {object} Store
 * @property {() => T} get
 * @property {(change: (value: T) => T) => void} update replaces the value by what `change` makes of it
 * @property {<S extends unknown[]>(select: (value: T) => [...S], listener: (selected: S) => void) => void} watch
 *   calls the listener now, and again whenever one of the selected values is another one
 */

/**
 * @template T
 * @param {T} initial
 * @returns {Store<T>}
 */
export function createStore(initial) {
  let value = initial;
  /** @type {(() => void)[]} */
  const watchers = [];
  return {
    get: () => value,
    update(change) {
      const next = change(value);
      if (next === value) return;
      value = next;
      watchers.forEach((notify) => notify());
    },
    watch(select, listener) {
      let last = select(value);
      listener(last);
      watchers.push(() => {
        const now = select(value);
        if (now.every((part, index) => Object.is(part, last[index]))) return;
        last = now;
        listener(now);
      });
    },
  };
}
