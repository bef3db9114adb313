/**
 * Undo and redo over values that are never changed.
 *
 * @template T
 * @typedef {{past: readonly T[], present: T, future: readonly T[]}} History
 */

const LONGEST = 500;

/**
 * @template T
 * @param {T} present
 * @returns {History<T>}
 */
export function started(present) {
  return { past: [], present, future: [] };
}

/**
 * The history with a further step; no step if nothing changed.
 * @template T
 * @param {History<T>} history
 * @param {T} next
 * @returns {History<T>}
 */
export function stepped(history, next) {
  if (next === history.present) return history;
  return { past: [...history.past, history.present].slice(-LONGEST), present: next, future: [] };
}

/**
 * @template T
 * @param {History<T>} history
 * @returns {History<T>}
 */
export function undone({ past, present, future }) {
  const last = past.at(-1);
  if (last === undefined) return { past, present, future };
  return { past: past.slice(0, -1), present: last, future: [present, ...future] };
}

/**
 * @template T
 * @param {History<T>} history
 * @returns {History<T>}
 */
export function redone({ past, present, future }) {
  if (future.length === 0) return { past, present, future };
  return { past: [...past, present], present: future[0], future: future.slice(1) };
}
