/**
 * Where an image lies on the stage. A view is a value: screen = image · scale + (x, y), in CSS pixels.
 *
 * @typedef {{x: number, y: number}} Point
 * @typedef {{width: number, height: number}} Size
 * @typedef {{scale: number, x: number, y: number}} View
 */

const MARGIN = 12;
const MAX_SCALE = 40;
/** So much of the image stays in sight, in CSS pixels. */
const IN_SIGHT = 48;

/**
 * The view that shows a whole image in the middle of a stage.
 * @param {Size} image
 * @param {Size} stage
 * @returns {View}
 */
export function fitted(image, stage) {
  const width = Math.max(stage.width - 2 * MARGIN, 1);
  const height = Math.max(stage.height - 2 * MARGIN, 1);
  const scale = Math.min(width / image.width, height / image.height, MAX_SCALE);
  return { scale, x: (stage.width - image.width * scale) / 2, y: (stage.height - image.height * scale) / 2 };
}

/**
 * @param {View} view
 * @param {Point} screen
 * @returns {Point} in image coordinates
 */
export function toImage(view, screen) {
  return { x: (screen.x - view.x) / view.scale, y: (screen.y - view.y) / view.scale };
}

/**
 * @param {View} view
 * @param {Point} point in image coordinates
 * @returns {Point}
 */
export function toScreen(view, point) {
  return { x: point.x * view.scale + view.x, y: point.y * view.scale + view.y };
}

/**
 * The view zoomed about a place of the stage, which keeps what it shows.
 * @param {View} view
 * @param {number} factor
 * @param {Point} at
 * @param {Size} image
 * @param {Size} stage
 * @returns {View}
 */
export function zoomed(view, factor, at, image, stage) {
  const least = Math.min(fitted(image, stage).scale, 1) / 2;
  const scale = Math.min(Math.max(view.scale * factor, least), MAX_SCALE);
  const ratio = scale / view.scale;
  return inSight({ scale, x: at.x - (at.x - view.x) * ratio, y: at.y - (at.y - view.y) * ratio }, image, stage);
}

/**
 * @param {View} view
 * @param {number} dx
 * @param {number} dy
 * @param {Size} image
 * @param {Size} stage
 * @returns {View}
 */
export function panned(view, dx, dy, image, stage) {
  return inSight({ scale: view.scale, x: view.x + dx, y: view.y + dy }, image, stage);
}

/**
 * The view after two fingers moved: what was under their middle stays there.
 * @param {View} view
 * @param {[Point, Point]} before
 * @param {[Point, Point]} after
 * @param {Size} image
 * @param {Size} stage
 * @returns {View}
 */
export function pinched(view, before, after, image, stage) {
  const [from, to] = [middle(before), middle(after)];
  const moved = { scale: view.scale, x: view.x + to.x - from.x, y: view.y + to.y - from.y };
  return zoomed(moved, distance(after) / Math.max(distance(before), 1), to, image, stage);
}

/**
 * The view panned, if need be, so that a point of the image is on the stage.
 * @param {View} view
 * @param {Point} point in image coordinates
 * @param {Size} image
 * @param {Size} stage
 * @returns {View}
 */
export function showing(view, point, image, stage) {
  const at = toScreen(view, point);
  const dx = pushInto(at.x, MARGIN, stage.width - MARGIN);
  const dy = pushInto(at.y, MARGIN, stage.height - MARGIN);
  return dx === 0 && dy === 0 ? view : panned(view, dx, dy, image, stage);
}

/**
 * The nearest point inside an image.
 * @param {Point} point
 * @param {Size} image
 * @returns {Point}
 */
export function inside(point, image) {
  return { x: within(point.x, 0, image.width - 1), y: within(point.y, 0, image.height - 1) };
}

/** @param {View} view @param {Size} image @param {Size} stage @returns {View} */
function inSight(view, image, stage) {
  return {
    scale: view.scale,
    x: within(view.x, IN_SIGHT - image.width * view.scale, stage.width - IN_SIGHT),
    y: within(view.y, IN_SIGHT - image.height * view.scale, stage.height - IN_SIGHT),
  };
}

/** @param {number} value @param {number} least @param {number} most */
function within(value, least, most) {
  return Math.min(Math.max(value, least), most);
}

/** @param {number} value @param {number} least @param {number} most */
function pushInto(value, least, most) {
  return within(value, least, Math.max(least, most)) - value;
}

/** @param {[Point, Point]} pair @returns {Point} */
function middle([a, b]) {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

/** @param {[Point, Point]} pair */
function distance([a, b]) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
