/**
 * The stage: two canvases on top of each other. The lower has the image and its objects, the upper what follows the
 * pointer, so that a movement repaints little.
 *
 * @typedef {import("./view.js").View} View
 * @typedef {import("./view.js").Point} Point
 * @typedef {import("./view.js").Size} Size
 * @typedef {import("./run_lengths.js").Mask} Mask
 * @typedef {import("./run_lengths.js").Box} Box
 * @typedef {{mask: Mask, colour: string}} Coloured
 *
 * @typedef {object} Scene what the lower canvas shows
 * @property {CanvasImageSource | null} pixels
 * @property {Size} size of the image, in its own pixels, which may be more than `pixels` has
 * @property {View} view
 * @property {readonly Coloured[]} masks
 *
 * @typedef {object} Foreground what the upper canvas shows
 * @property {View} view
 * @property {readonly Coloured[]} masks
 * @property {import("./work.js").Prompts} prompts
 * @property {Box | null} drawnBox a box that is being drawn
 * @property {Point | null} crosshair
 */
import { painted } from "./mask_painting.js";
import { toScreen } from "./view.js";

/** Pixels of masks that stay are exact up to this side, those that follow the pointer are made in a moment. */
const MAX_SIDE_STAYING = 2048;
const MAX_SIDE_FOLLOWING = 1024;
/** From here on pixels are shown as squares. */
const SHARP_FROM = 4;
const POINT_RADIUS = 6;
const CROSSHAIR_ARM = 14;
const CROSSHAIR_GAP = 4;
const POSITIVE = "#0fa36b";
const NEGATIVE = "#d6204e";

/** @param {HTMLElement} host holds the two canvases */
export function createStage(host) {
  const [lower, upper] = host.querySelectorAll("canvas");

  return {
    /** @returns {Size} in CSS pixels */
    size: () => ({ width: host.clientWidth, height: host.clientHeight }),
    /** @param {Scene} scene */
    drawScene(scene) {
      const context = cleared(lower, host);
      enterImage(context, scene.view);
      if (scene.pixels !== null) context.drawImage(scene.pixels, 0, 0, scene.size.width, scene.size.height);
      drawMasks(context, scene.masks, MAX_SIDE_STAYING);
    },
    /** @param {Foreground} foreground */
    drawForeground({ view, masks, prompts, drawnBox, crosshair }) {
      const context = cleared(upper, host);
      enterImage(context, view);
      drawMasks(context, masks, MAX_SIDE_FOLLOWING);
      enterScreen(context);
      for (const box of [prompts.box, drawnBox]) if (box !== null) drawBox(context, view, box);
      for (const point of prompts.points) drawPoint(context, toScreen(view, point), point.positive);
      if (crosshair !== null) drawCrosshair(context, toScreen(view, crosshair));
    },
  };
}

/** @param {HTMLCanvasElement} canvas @param {HTMLElement} host @returns {CanvasRenderingContext2D} */
function cleared(canvas, host) {
  const [width, height] = [host.clientWidth, host.clientHeight].map((side) => Math.round(side * devicePixelRatio));
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** @param {CanvasRenderingContext2D} context @param {View} view */
function enterImage(context, view) {
  const scale = view.scale * devicePixelRatio;
  context.setTransform(scale, 0, 0, scale, view.x * devicePixelRatio, view.y * devicePixelRatio);
  context.imageSmoothingEnabled = view.scale < SHARP_FROM;
  context.imageSmoothingQuality = "medium";
}

/** @param {CanvasRenderingContext2D} context */
function enterScreen(context) {
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
}

/** @param {CanvasRenderingContext2D} context @param {readonly Coloured[]} masks @param {number} maxSide */
function drawMasks(context, masks, maxSide) {
  for (const { mask, colour } of masks) {
    if (mask.area === 0) continue;
    const { canvas, box } = painted(mask, colour, maxSide);
    context.drawImage(canvas, box[0], box[1], box[2] - box[0], box[3] - box[1]);
  }
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {Box} box */
function drawBox(context, view, [x0, y0, x1, y1]) {
  const from = toScreen(view, { x: x0, y: y0 });
  const to = toScreen(view, { x: x1, y: y1 });
  for (const [width, colour, dash] of /** @type {[number, string, number[]][]} */ ([
    [3, "rgb(0 0 0 / 0.55)", []],
    [1.5, "#ffffff", [6, 4]],
  ])) {
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.setLineDash(dash);
    context.strokeRect(from.x, from.y, to.x - from.x, to.y - from.y);
  }
  context.setLineDash([]);
}

/** A disc with its sign, which tells without colour. @param {CanvasRenderingContext2D} context @param {Point} at @param {boolean} isPositive */
function drawPoint(context, { x, y }, isPositive) {
  context.beginPath();
  context.arc(x, y, POINT_RADIUS, 0, 2 * Math.PI);
  context.fillStyle = isPositive ? POSITIVE : NEGATIVE;
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = "#ffffff";
  context.stroke();
  const arm = POINT_RADIUS / 2;
  context.beginPath();
  context.moveTo(x - arm, y);
  context.lineTo(x + arm, y);
  if (isPositive) {
    context.moveTo(x, y - arm);
    context.lineTo(x, y + arm);
  }
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {Point} at */
function drawCrosshair(context, { x, y }) {
  context.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    context.moveTo(x + dx * CROSSHAIR_GAP, y + dy * CROSSHAIR_GAP);
    context.lineTo(x + dx * CROSSHAIR_ARM, y + dy * CROSSHAIR_ARM);
  }
  for (const [width, colour] of /** @type {[number, string][]} */ ([[4, "#000000"], [1.75, "#ffffff"]])) {
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }
}
