/**
 * Masks as small coloured canvases, made once and drawn at any zoom.
 *
 * @typedef {import("./run_lengths.js").Mask} Mask
 * @typedef {import("./run_lengths.js").Bitmap} Bitmap
 * @typedef {[number, number, number]} Rgb
 * @typedef {{canvas: HTMLCanvasElement, box: import("./run_lengths.js").Box}} Painted
 */
import { bitmapOf } from "./run_lengths.js";

const INSIDE = 0.42;

/** @type {WeakMap<Mask, Map<string, Painted>>} */
const made = new WeakMap();

/**
 * @param {Mask} mask
 * @param {string} colour as #rrggbb
 * @param {number} maxSide of the canvas, in pixels
 * @returns {Painted}
 */
export function painted(mask, colour, maxSide) {
  const ofMask = made.get(mask) ?? new Map();
  made.set(mask, ofMask);
  const key = `${colour} ${maxSide}`;
  const found = ofMask.get(key) ?? paint(bitmapOf(mask, maxSide), rgbOf(colour));
  ofMask.set(key, found);
  return found;
}

/** @param {Bitmap} bitmap @param {Rgb} colour @returns {Painted} */
function paint(bitmap, colour) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(bitmap.width, 1);
  canvas.height = Math.max(bitmap.height, 1);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  const [fill, edge] = [packed(colour, INSIDE), packed(colour, 1)];
  const { width, height, data } = bitmap;
  for (let row = 0, place = 0; row < height; row++) {
    const isOuterRow = row === 0 || row === height - 1;
    for (let column = 0; column < width; column++, place++) {
      if (data[place] === 0) continue;
      const isEdge =
        isOuterRow ||
        column === 0 ||
        column === width - 1 ||
        data[place - 1] + data[place + 1] + data[place - width] + data[place + width] < 4;
      pixels[place] = isEdge ? edge : fill;
    }
  }
  context.putImageData(image, 0, 0);
  return { canvas, box: bitmap.box };
}

/** @param {string} colour @returns {Rgb} */
function rgbOf(colour) {
  const value = Number.parseInt(colour.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** The bytes red, green, blue, opacity as one number, in the order of the machine. @param {Rgb} rgb @param {number} opacity */
function packed(rgb, opacity) {
  return new Uint32Array(Uint8Array.of(...rgb, Math.round(opacity * 255)).buffer)[0];
}
