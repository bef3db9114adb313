/**
 * Mouse, pen and fingers on the stage, as what they mean. Places are in CSS pixels from the stage's corner.
 *
 * @typedef {import("./view.js").Point} Point
 * @typedef {object} Meanings
 * @property {(at: Point | null, time: number) => void} hover where a mouse rests or moves; null when it left; `time` as of performance.now()
 * @property {(at: Point, isNegative: boolean) => void} tap
 * @property {(from: Point, to: Point, isDone: boolean) => void} drag
 * @property {() => void} dragStopped the drag became something else
 * @property {(dx: number, dy: number) => void} pan
 * @property {(factor: number, at: Point) => void} zoom
 * @property {(before: [Point, Point], after: [Point, Point]) => void} pinch
 * @property {() => boolean} doesDragPan
 */

/** Shorter movements are a tap. */
const SLOP = { mouse: 4, pen: 6, touch: 10 };
const ZOOM_OF_WHEEL = 0.0016;
const ZOOM_OF_TRACKPAD_PINCH = 0.01;
const LINE_HEIGHT = 16;

/**
 * @param {HTMLElement} stage
 * @param {Meanings} meanings
 */
export function listen(stage, meanings) {
  /** @type {Map<number, Point>} */
  const fingers = new Map();
  /** @type {{from: Point, last: Point, isPan: boolean, hasMoved: boolean, isNegative: boolean} | null} */
  let stroke = null;

  /** @param {MouseEvent} event @returns {Point} */
  function placeOf(event) {
    const corner = stage.getBoundingClientRect();
    return { x: event.clientX - corner.left, y: event.clientY - corner.top };
  }

  /** @param {PointerEvent} event */
  function pressed(event) {
    stage.focus({ preventScroll: true });
    event.preventDefault();
    stage.setPointerCapture(event.pointerId);
    const at = placeOf(event);
    fingers.set(event.pointerId, at);
    if (fingers.size > 1) return stopStroke();
    const isPan = event.button === 1 || (event.button === 0 && meanings.doesDragPan());
    stroke = { from: at, last: at, isPan, hasMoved: false, isNegative: event.button === 2 || event.altKey };
  }

  /** @param {PointerEvent} event */
  function moved(event) {
    const at = placeOf(event);
    if (event.pointerType === "mouse" && fingers.size === 0) meanings.hover(at, event.timeStamp);
    const before = fingers.get(event.pointerId);
    if (before === undefined) return;
    if (fingers.size === 2) movePinch(event.pointerId, at);
    fingers.set(event.pointerId, at);
    if (stroke !== null) moveStroke(at, event.pointerType);
  }

  /** @param {number} id @param {Point} at */
  function movePinch(id, at) {
    const other = [...fingers].find(([key]) => key !== id);
    const mine = fingers.get(id);
    if (other && mine) meanings.pinch([mine, other[1]], [at, other[1]]);
  }

  /** @param {Point} at @param {string} kind */
  function moveStroke(at, kind) {
    if (stroke === null) return;
    const slop = SLOP[/** @type {keyof typeof SLOP} */ (kind)] ?? SLOP.mouse;
    stroke.hasMoved ||= Math.hypot(at.x - stroke.from.x, at.y - stroke.from.y) > slop;
    if (!stroke.hasMoved) return;
    if (stroke.isPan) meanings.pan(at.x - stroke.last.x, at.y - stroke.last.y);
    else if (!stroke.isNegative) meanings.drag(stroke.from, at, false);
    stroke.last = at;
  }

  /** @param {PointerEvent} event */
  function released(event) {
    if (!fingers.delete(event.pointerId) || stroke === null) return;
    const { from, hasMoved, isPan, isNegative } = stroke;
    stroke = null;
    if (!hasMoved && event.button !== 1) meanings.tap(from, isNegative);
    else if (hasMoved && !isPan && !isNegative) meanings.drag(from, placeOf(event), true);
  }

  function stopStroke() {
    if (stroke?.hasMoved && !stroke.isPan) meanings.dragStopped();
    stroke = null;
  }

  /** @param {WheelEvent} event */
  function wheeled(event) {
    event.preventDefault();
    const delta = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_HEIGHT : 1);
    const speed = event.ctrlKey ? ZOOM_OF_TRACKPAD_PINCH : ZOOM_OF_WHEEL;
    meanings.zoom(Math.exp(-delta * speed), placeOf(event));
  }

  stage.addEventListener("pointerdown", pressed);
  stage.addEventListener("pointermove", moved);
  stage.addEventListener("pointerup", released);
  stage.addEventListener("pointercancel", (event) => {
    fingers.delete(event.pointerId);
    stopStroke();
  });
  stage.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "mouse") meanings.hover(null, event.timeStamp);
  });
  stage.addEventListener("wheel", wheeled, { passive: false });
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
}
