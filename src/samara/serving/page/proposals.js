/**
 * Which proposals of everything mode are shown: the sliders, applied in the browser.
 *
 * @typedef {import("./work.js").Answer} Answer
 * @typedef {object} Limits
 * @property {number} predictedIou least
 * @property {number} stability least
 * @property {number} minArea least, in thousandths of the image
 * @property {number} maxArea largest, in thousandths of the image
 */

import { rememberingLast } from "./remembering.js";
import { iou } from "./run_lengths.js";

/** @type {Limits} */
export const NO_LIMITS = { predictedIou: 0, stability: 0, minArea: 0, maxArea: 1000 };

/**
 * @param {readonly Answer[]} proposals
 * @param {Limits} limits
 * @returns {Answer[]}
 */
export function shown(proposals, limits) {
  return proposals.filter((proposal) => {
    const area = areaOf(proposal);
    return (
      proposal.predictedIou >= limits.predictedIou &&
      (proposal.stability ?? 0) >= limits.stability &&
      area >= limits.minArea &&
      area <= limits.maxArea
    );
  });
}

/** More alike than this are one object. */
const SAME = 0.8;

/**
 * Proposals of what is no object yet.
 * @param {readonly Answer[]} proposals
 * @param {readonly import("./work.js").AnnotatedObject[]} objects
 */
export const untaken = rememberingLast(
  (/** @type {readonly Answer[]} */ proposals, /** @type {readonly import("./work.js").AnnotatedObject[]} */ objects) =>
    proposals.filter((proposal) => objects.every((object) => iou(proposal.mask, object.mask) < SAME)),
);

/**
 * The smallest proposal at a point: what lies inside another can be reached.
 * @param {readonly Answer[]} proposals
 * @param {(mask: import("./run_lengths.js").Mask) => boolean} isHit
 * @returns {Answer | null}
 */
export function smallest(proposals, isHit) {
  const hit = proposals.filter((proposal) => isHit(proposal.mask));
  return hit.reduce((/** @type {Answer | null} */ best, one) => (best && best.mask.area <= one.mask.area ? best : one), null);
}

/** @param {Answer} proposal area in thousandths of its image */
function areaOf({ mask }) {
  return (1000 * mask.area) / (mask.rle.size[0] * mask.rle.size[1]);
}
