/**
 * The work on one image as a value: objects that were accepted, and the prompts of the next one.
 *
 * @typedef {import("./view.js").Point} Point
 * @typedef {import("./run_lengths.js").Mask} Mask
 * @typedef {import("./run_lengths.js").Box} Box
 *
 * @typedef {Point & {positive: boolean}} Prompt
 * @typedef {object} Prompts
 * @property {readonly Prompt[]} points
 * @property {Box | null} box
 * @property {Readonly<Record<string, string>>} previous by checkpoint, the key of the answer that these prompts correct
 *
 * @typedef {object} Answer what a checkpoint answers to prompts, or proposes for the whole image
 * @property {Mask} mask
 * @property {number} predictedIou
 * @property {number | null} stability
 * @property {string} checkpoint
 * @property {string | null} className what it is, if the checkpoint knows classes
 * @property {string | null} key by which the server knows it
 *
 * @typedef {object} AnnotatedObject
 * @property {string} id
 * @property {string | null} className
 * @property {Mask} mask
 * @property {number | null} predictedIou
 * @property {number | null} stability
 * @property {string | null} checkpoint
 * @property {Prompts} prompts what it was made from, as far as that is known
 *
 * @typedef {{objects: readonly AnnotatedObject[], prompts: Prompts}} Work
 */

/** @type {Prompts} */
export const NO_PROMPTS = { points: [], box: null, previous: {} };

/** @type {Work} */
export const NO_WORK = { objects: [], prompts: NO_PROMPTS };

/** @param {Prompts} prompts */
export function isEmpty(prompts) {
  return prompts.points.length === 0 && prompts.box === null;
}

/**
 * Whether prompts can be asked about: something must say where the object is.
 * @param {Prompts} prompts
 */
export function isAskable(prompts) {
  return prompts.box !== null || prompts.points.some((point) => point.positive);
}

/**
 * The work with answers as further objects, topmost last; the prompts are used up.
 * @param {Work} work
 * @param {readonly Answer[]} answers
 * @param {string | null} className of those without one
 * @returns {Work}
 */
export function accepted(work, answers, className) {
  const prompts = { ...work.prompts, previous: {} };
  const objects = answers
    .filter((answer) => answer.mask.area > 0)
    .map(({ className: known, key, ...numbers }) => ({ ...numbers, id: newId(), className: known ?? className, prompts }));
  return { objects: [...work.objects, ...objects], prompts: NO_PROMPTS };
}

/**
 * @param {Work} work
 * @param {string} id
 * @returns {Work}
 */
export function withoutObject(work, id) {
  const objects = work.objects.filter((object) => object.id !== id);
  return objects.length === work.objects.length ? work : { ...work, objects };
}

/**
 * @param {Work} work
 * @param {string} id
 * @param {string | null} className
 * @returns {Work}
 */
export function withClass(work, id, className) {
  const objects = work.objects.map((object) => (object.id === id ? { ...object, className } : object));
  return { ...work, objects };
}

/**
 * The work with an object turned back into its prompts; its box if none are known.
 * @param {Work} work
 * @param {string} id
 * @returns {Work}
 */
export function takenUp(work, id) {
  const object = work.objects.find((one) => one.id === id);
  if (object === undefined) return work;
  const prompts = isAskable(object.prompts) ? object.prompts : { ...NO_PROMPTS, box: object.mask.box };
  return { objects: work.objects.filter((one) => one !== object), prompts };
}

/**
 * The topmost object at a point.
 * @param {readonly AnnotatedObject[]} objects
 * @param {(mask: Mask) => boolean} isHit
 */
export function topmost(objects, isHit) {
  return objects.findLast((object) => isHit(object.mask)) ?? null;
}

/** Random, so that two pages never make the same; `crypto.randomUUID` exists on secure origins only. */
function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
