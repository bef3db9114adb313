/**
 * COCO's compressed run lengths: column by column, alternating runs outside and inside, differences of every second
 * run written as text. They are read into the place where each run ends, which answers every question of the page.
 *
 * @typedef {{size: [number, number], counts: string}} Rle as it travels: size is [height, width]
 * @typedef {[number, number, number, number]} Box x0, y0, x1, y1; right and bottom exclusive
 * @typedef {object} Mask
 * @property {Rle} rle
 * @property {Uint32Array} ends where each run ends; runs of odd index are inside
 * @property {Box} box smallest box around the mask; empty if the mask is
 * @property {number} area
 *
 * @typedef {object} Bitmap
 * @property {Box} box what it covers of the image
 * @property {number} width
 * @property {number} height
 * @property {Uint8Array} data 1 inside, row by row
 */

/**
 * @param {Rle} rle
 * @returns {Mask}
 */
export function readMask(rle) {
  const ends = readEnds(rle.counts);
  return { rle, ends, box: boxOf(ends, rle.size[0]), area: areaOf(ends) };
}

/**
 * Whether a pixel is inside.
 * @param {Mask} mask
 * @param {import("./view.js").Point} point
 */
export function contains(mask, point) {
  const [height, width] = mask.rle.size;
  const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
  if (x < 0 || y < 0 || x >= width || y >= height) return false;
  const place = x * height + y;
  let [low, high] = [0, mask.ends.length];
  while (low < high) {
    const half = (low + high) >> 1;
    if (mask.ends[half] <= place) low = half + 1;
    else high = half;
  }
  return low < mask.ends.length && low % 2 === 1;
}

/**
 * Intersection over union of two masks of an image.
 * @param {Mask} a
 * @param {Mask} b
 */
export function iou(a, b) {
  if (a.box[0] >= b.box[2] || b.box[0] >= a.box[2] || a.box[1] >= b.box[3] || b.box[1] >= a.box[3]) return 0;
  let common = 0;
  for (let i = 1, j = 1; i < a.ends.length && j < b.ends.length; ) {
    const [endA, endB] = [a.ends[i], b.ends[j]];
    common += Math.max(Math.min(endA, endB) - Math.max(a.ends[i - 1], b.ends[j - 1]), 0);
    if (endA <= endB) i += 2;
    if (endB <= endA) j += 2;
  }
  return common / (a.area + b.area - common);
}

/**
 * The mask's box as pixels; every n-th pixel where the box is larger than maxSide.
 * @param {Mask} mask
 * @param {number} maxSide
 * @returns {Bitmap}
 */
export function bitmapOf(mask, maxSide) {
  const [x0, y0, x1, y1] = mask.box;
  const step = Math.max(1, Math.ceil(Math.max(x1 - x0, y1 - y0) / maxSide));
  const width = Math.ceil((x1 - x0) / step);
  const height = Math.ceil((y1 - y0) / step);
  const data = new Uint8Array(width * height);
  for (const [x, top, bottom] of columnsOf(mask.ends, mask.rle.size[0])) {
    if ((x - x0) % step !== 0) continue;
    const column = (x - x0) / step;
    const last = Math.ceil((bottom - y0) / step);
    for (let row = Math.ceil((top - y0) / step); row < last; row++) data[row * width + column] = 1;
  }
  return { box: [x0, y0, x0 + width * step, y0 + height * step], width, height, data };
}

/** @param {string} counts @returns {Uint32Array} */
function readEnds(counts) {
  /** @type {number[]} */
  const runs = [];
  for (let place = 0; place < counts.length; ) {
    let [value, shift, code] = [0, 0, 0];
    do {
      code = counts.charCodeAt(place++) - 48;
      value |= (code & 31) << shift;
      shift += 5;
    } while (code & 32);
    if (code & 16 && shift < 32) value |= -1 << shift;
    runs.push(runs.length > 2 ? value + runs[runs.length - 2] : value);
  }
  let end = 0;
  return Uint32Array.from(runs, (run) => (end += run));
}

/** @param {Uint32Array} ends */
function areaOf(ends) {
  let area = 0;
  for (let run = 1; run < ends.length; run += 2) area += ends[run] - ends[run - 1];
  return area;
}

/** @param {Uint32Array} ends @param {number} height @returns {Box} */
function boxOf(ends, height) {
  let [x0, y0, x1, y1] = [Infinity, Infinity, 0, 0];
  for (const [x, top, bottom] of columnsOf(ends, height)) {
    x0 = Math.min(x0, x);
    x1 = Math.max(x1, x + 1);
    y0 = Math.min(y0, top);
    y1 = Math.max(y1, bottom);
  }
  return x1 === 0 ? [0, 0, 0, 0] : [x0, y0, x1, y1];
}

/**
 * What is inside, as pieces of columns: x, top, bottom (exclusive).
 * @param {Uint32Array} ends
 * @param {number} height
 * @returns {Generator<[number, number, number]>}
 */
function* columnsOf(ends, height) {
  for (let run = 1; run < ends.length; run += 2) {
    for (let place = ends[run - 1]; place < ends[run]; ) {
      const x = Math.floor(place / height);
      const stop = Math.min(ends[run], (x + 1) * height);
      yield [x, place - x * height, stop - x * height];
      place = stop;
    }
  }
}
