/**
 * What mouse, pen and fingers on a stage do to the state.
 *
 * @typedef {import("./state.js").State} State
 * @typedef {import("./view.js").Point} Point
 * @typedef {ReturnType<typeof import("./stage.js").createStage>} Stage
 */
import { boxBetween, boxed, prompted } from "./giving.js";
import { smallest } from "./proposals.js";
import { contains } from "./run_lengths.js";
import { openProposals, withAccepted, withEverything, workOf } from "./state.js";
import { fitted, panned, pinched, toImage, zoomed } from "./view.js";
import { topmost } from "./work.js";

/** @param {State} state @param {Stage} stage */
export function viewOf(state, stage) {
  return state.view ?? fitted(state.opened?.row ?? { width: 1, height: 1 }, stage.size());
}

/**
 * @param {import("./main.js").Parts} page
 * @param {{preview: (at: Point | null, time: number) => void}} prompting
 * @param {Stage} stage
 * @param {number} side
 * @returns {import("./gestures.js").Meanings}
 */
export function meaningsOn(page, prompting, stage, side) {
  const { store } = page;
  const imagePoint = (/** @type {Point} */ at) => toImage(viewOf(store.get(), stage), at);
  const activate = (/** @type {State} */ state) => ({ ...state, activeSide: side, crosshair: null });
  return {
    hover(at, time) {
      const point = at === null ? null : imagePoint(at);
      const isOn = point !== null && isInside(store.get(), point);
      store.update((state) => pointedAt(state, isOn ? point : null));
      prompting.preview(isOn ? point : null, time);
    },
    tap: (at, isNegative) => store.update((state) => tapped(activate(state), imagePoint(at), isNegative)),
    drag(from, to, isDone) {
      const corners = [imagePoint(from), imagePoint(to)];
      store.update((state) => dragged(activate(state), corners[0], corners[1], isDone));
    },
    dragStopped: () => store.update((state) => ({ ...state, drawnBox: null })),
    pan: (dx, dy) => changeView(page, stage, (view, image, size) => panned(view, dx, dy, image, size)),
    zoom: (factor, at) => zoomAt(page, stage, factor, at),
    pinch: (before, after) => changeView(page, stage, (view, image, size) => pinched(view, before, after, image, size)),
    doesDragPan: () => store.get().tool === "move" || store.get().everything !== null,
  };
}

/** @param {State} state @param {Point | null} point @returns {State} */
function pointedAt(state, point) {
  if (state.everything === null) return state;
  const pointed = point === null ? null : smallest(openProposals(state), (mask) => contains(mask, point));
  return pointed === state.everything.pointed ? state : withEverything(state, { pointed });
}

/**
 * What a click or a tap does: it accepts a proposal, selects an object, or gives a point.
 * @param {State} state
 * @param {Point} point
 * @param {boolean} isNegative
 * @returns {State}
 */
function tapped(state, point, isNegative) {
  if (!isInside(state, point)) return state;
  if (state.everything !== null) {
    const proposal = smallest(openProposals(state), (mask) => contains(mask, point));
    return proposal === null ? state : withEverything(withAccepted(state, [proposal]), { pointed: null });
  }
  if (state.tool === "move") {
    const object = topmost(workOf(state).objects, (mask) => contains(mask, point));
    return { ...state, selected: object?.id ?? null };
  }
  return prompted(state, point, !isNegative && state.tool !== "remove");
}

/** @param {State} state @param {Point} from @param {Point} to @param {boolean} isDone @returns {State} */
function dragged(state, from, to, isDone) {
  if (state.opened === null) return state;
  return isDone ? boxed(state, from, to) : { ...state, drawnBox: boxBetween(from, to, state.opened.row) };
}

/** @param {State} state @param {Point} point */
function isInside(state, point) {
  if (state.opened === null) return false;
  const { width, height } = state.opened.row;
  return point.x >= 0 && point.y >= 0 && point.x < width && point.y < height;
}

/**
 * @param {import("./main.js").Parts} page
 * @param {Stage} stage
 * @param {(view: import("./view.js").View, image: import("./view.js").Size, size: import("./view.js").Size) => import("./view.js").View} change
 */
function changeView({ store }, stage, change) {
  store.update((state) => {
    if (state.opened === null) return state;
    return { ...state, view: change(viewOf(state, stage), state.opened.row, stage.size()) };
  });
}

/** @param {import("./main.js").Parts} page @param {Stage} stage @param {number} factor @param {Point} at */
export function zoomAt(page, stage, factor, at) {
  changeView(page, stage, (view, image, size) => zoomed(view, factor, at, image, size));
}
