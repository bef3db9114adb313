/**
 * Points and boxes as they are given, by pointer or by crosshair.
 *
 * @typedef {import("./state.js").State} State
 * @typedef {import("./view.js").Point} Point
 */
import { chosenAnswer, worked } from "./state.js";

/**
 * The pixel at a place of the image.
 * @param {Point} at
 * @param {boolean} positive
 * @returns {import("./work.js").Prompt}
 */
export function pixelAt(at, positive) {
  return { x: Math.floor(at.x), y: Math.floor(at.y), positive };
}

/**
 * The state with a point given.
 * @param {State} state
 * @param {Point} at in image coordinates
 * @param {boolean} positive
 * @returns {State}
 */
export function prompted(state, at, positive) {
  const prompt = pixelAt(at, positive);
  const previous = previousOf(state);
  return worked({ ...state, choice: 0, acceptsNext: false, selected: null }, ({ objects, prompts }) => ({
    objects,
    prompts: { ...prompts, points: [...prompts.points, prompt], previous },
  }));
}

/**
 * The state with a box given, cut to the image; none if nothing of it is left.
 * @param {State} state
 * @param {Point} from
 * @param {Point} to
 * @returns {State}
 */
export function boxed(state, from, to) {
  if (state.opened === null) return state;
  const box = boxBetween(from, to, state.opened.row);
  const rest = { ...state, boxCorner: null, drawnBox: null, choice: 0, acceptsNext: false, selected: null };
  if (box[2] - box[0] < 1 || box[3] - box[1] < 1) return rest;
  return worked(rest, (work) => ({ ...work, prompts: { ...work.prompts, box, previous: {} } }));
}

/**
 * The whole pixels between two corners, as far as the image has them.
 * @param {Point} a
 * @param {Point} b
 * @param {import("./view.js").Size} image
 * @returns {import("./run_lengths.js").Box}
 */
export function boxBetween(a, b, { width, height }) {
  const x0 = Math.max(Math.floor(Math.min(a.x, b.x)), 0);
  const y0 = Math.max(Math.floor(Math.min(a.y, b.y)), 0);
  return [x0, y0, Math.min(Math.ceil(Math.max(a.x, b.x)), width), Math.min(Math.ceil(Math.max(a.y, b.y)), height)];
}

/** The answers on the stages, which further prompts correct. @param {State} state @returns {Record<string, string>} */
function previousOf(state) {
  const shown = state.sides.flatMap((side, index) => {
    const key = chosenAnswer(state, index)?.key ?? null;
    return key === null ? [] : [/** @type {const} */ ([side.checkpoint, key])];
  });
  return Object.fromEntries(shown);
}
