/**
 * Values as they travel, and as the page has them.
 *
 * @typedef {import("./work.js").Answer} Answer
 * @typedef {import("./work.js").AnnotatedObject} AnnotatedObject
 * @typedef {import("./work.js").Prompts} Prompts
 */
import { readMask } from "./run_lengths.js";
import { NO_PROMPTS } from "./work.js";

/** @param {any} session @returns {{session: import("./state.js").Session, classes: import("./state.js").ClassOfObjects[]}} */
export function readSession({ folder, store, checkpoints, formats, classes }) {
  const read = checkpoints.map(readCheckpoint);
  const isDefault = (/** @type {any} */ one) => one.default;
  const first = Math.max(checkpoints.findIndex(isDefault), 0);
  const ordered = [...read.slice(first, first + 1), ...read.slice(0, first), ...read.slice(first + 1)];
  return { session: { folder, store, checkpoints: ordered, formats }, classes };
}

/** @param {any} checkpoint @returns {import("./state.js").Checkpoint} */
function readCheckpoint({ name, title, everything, thresholds }) {
  const { predicted_iou: predictedIou, stability } = thresholds ?? { predicted_iou: 0, stability: 0 };
  return { name, title, hasEverything: everything, thresholds: { predictedIou, stability } };
}

/** @param {any} row @returns {import("./state.js").ImageRow} */
export function readRow({ id, name, width, height, state, objects, doubt, reason }) {
  return { id: String(id), name, width, height, state, objects, doubt, reason };
}

/** @param {any} answer @param {string} checkpoint @returns {Answer} */
export function readAnswer({ key, mask, predicted_iou: predictedIou, stability, class: className }, checkpoint) {
  return { mask: readMask(mask), predictedIou, stability, checkpoint, className: className ?? null, key: key ?? null };
}

/** @param {any} object @returns {AnnotatedObject} */
export function readObject(object) {
  return {
    id: object.id,
    className: object.class,
    mask: readMask(object.mask),
    predictedIou: object.predicted_iou,
    stability: object.stability,
    checkpoint: object.checkpoint ?? null,
    prompts: readPrompts(object),
  };
}

/** @param {AnnotatedObject} object */
export function writeObject({ id, className, mask, predictedIou, stability, checkpoint, prompts }) {
  const numbers = { predicted_iou: predictedIou, stability, checkpoint };
  return { id, class: className, mask: mask.rle, ...numbers, ...writePoints(prompts), box_prompt: prompts.box };
}

/** Points and their labels; nothing if there are none. @param {Prompts} prompts */
export function writePoints({ points }) {
  if (points.length === 0) return {};
  return { points: points.map(({ x, y }) => [x, y]), labels: points.map(({ positive }) => (positive ? 1 : 0)) };
}

/** @param {any} object @returns {Prompts} */
function readPrompts({ points, labels, box_prompt: box }) {
  const pairs = /** @type {[number, number][]} */ (points ?? []);
  return { ...NO_PROMPTS, points: pairs.map(([x, y], place) => ({ x, y, positive: labels[place] === 1 })), box: box ?? null };
}
