/** Classes have letters as their keys, because digits choose answers. */
import { worked } from "./state.js";
import { withClass } from "./work.js";

/** @typedef {import("./state.js").State} State */

/** Keys of the first classes, in their order. */
export const CLASS_KEYS = [..."asdfghjkl"];

/** @param {State} state @param {string} stroke @returns {string | null} */
export function classOfStroke(state, stroke) {
  const place = CLASS_KEYS.indexOf(stroke);
  return state.classes[place]?.name ?? null;
}

/**
 * The state with another class for the selected object; for what is accepted next if none is selected.
 * @param {State} state
 * @param {string} className
 * @returns {State}
 */
export function withChosenClass(state, className) {
  const { selected } = state;
  if (selected !== null) return worked(state, (work) => withClass(work, selected, className));
  return { ...state, className };
}
