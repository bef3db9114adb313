/**
 * The crosshair: a pointer for those who use no pointer.
 *
 * @typedef {import("./state.js").State} State
 * @typedef {import("./view.js").Point} Point
 */
import { boxBetween, boxed, prompted } from "./giving.js";
import { fitted, inside, showing } from "./view.js";

/**
 * The state with the crosshair moved by pixels of the screen; the first movement brings it to the middle.
 * @param {State} state
 * @param {import("./view.js").Size} stage
 * @param {number} dx
 * @param {number} dy
 * @returns {State}
 */
export function moveCrosshair(state, stage, dx, dy) {
  if (state.opened === null) return state;
  const { row } = state.opened;
  const view = state.view ?? fitted(row, stage);
  const from = state.crosshair;
  const to = from === null ? { x: row.width / 2, y: row.height / 2 } : { x: from.x + dx / view.scale, y: from.y + dy / view.scale };
  const crosshair = inside(to, row);
  const shown = showing(view, crosshair, row, stage);
  return withCrosshair(shown === view ? state : { ...state, view: shown }, crosshair);
}

/** @param {State} state @param {boolean} positive @returns {State} */
export function promptAtCrosshair(state, positive) {
  const { crosshair } = state;
  if (crosshair === null) return state;
  return prompted(state, crosshair, positive);
}

/** The state with a box begun, or given if one was begun. @param {State} state @returns {State} */
export function boxAtCrosshair(state) {
  const { crosshair, boxCorner } = state;
  if (crosshair === null) return state;
  if (boxCorner === null) return withCrosshair({ ...state, boxCorner: crosshair }, crosshair);
  return boxed(state, boxCorner, crosshair);
}

/** @param {State} state @param {Point} crosshair @returns {State} */
function withCrosshair(state, crosshair) {
  const { opened, boxCorner } = state;
  const drawnBox = boxCorner === null || opened === null ? null : boxBetween(boxCorner, crosshair, opened.row);
  return { ...state, crosshair, drawnBox, said: `x ${Math.round(crosshair.x)}, y ${Math.round(crosshair.y)}` };
}
