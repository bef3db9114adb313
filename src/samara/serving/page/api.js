/**
 * The routes of the server that the page uses. Each answer is turned into the page's own values at once.
 *
 * @typedef {import("./work.js").Answer} Answer
 * @typedef {import("./work.js").AnnotatedObject} AnnotatedObject
 * @typedef {import("./prompting.js").Question} Question
 * @typedef {ReturnType<typeof createApi>} Api
 */
import { Refused, Unreachable } from "./errors.js";
import { readAnswer, readObject, readRow, readSession, writePoints } from "./wire.js";

const LARGEST_SIDE = 4096;
const AWAY = "The server does not answer. Nothing is lost: this page keeps what you do and sends it when the server is back.";
const STRANGER = "The server does not know this page. Open the address that `samara serve` printed; nothing is lost.";
const STRANGER_STATUS = new Set([401, 403, 421]);
/** Busy or shutting down: the same question is worth asking again. */
const LATER_STATUS = new Set([429, 502, 503, 504]);
const CONFLICT = 409;
const UNKNOWN = 404;

export function createApi() {
  return {
    session: async () => readSession(await getJson("session")),
    /** @param {string} order @param {number} offset @param {number} limit */
    async rows(order, offset, limit) {
      const { total, images } = await getJson(`images?order=${order}&offset=${offset}&limit=${limit}`);
      return { total, rows: images.map(readRow) };
    },
    /** @param {string} id @param {AbortSignal} signal */
    row: async (id, signal) => readRow(await getJson(`images/${id}`, signal)),
    /** @param {string} id @returns {string} address */
    thumbnail: (id) => `images/${id}/thumbnail`,
    /** @param {string} id @param {AbortSignal} signal */
    async pixels(id, signal) {
      const response = await ask(`images/${id}/pixels?max=${LARGEST_SIDE}`, { signal });
      return createImageBitmap(await response.blob());
    },
    /** @param {string} id @param {AbortSignal} [signal] @returns {Promise<{objects: AnnotatedObject[], revision: string}>} */
    async objects(id, signal) {
      const { objects, revision } = await getJson(`images/${id}/objects`, signal);
      return { objects: objects.map(readObject), revision };
    },
    /**
     * @param {string} id
     * @param {readonly unknown[]} objects as they travel
     * @param {string | null} revision what they are based on; null: whatever there is
     * @returns {Promise<{revision: string} | null>} null: somebody else wrote in between
     */
    async putObjects(id, objects, revision) {
      const headers = /** @type {Record<string, string>} */ (revision === null ? {} : { "If-Match": revision });
      return sendJson("PUT", `images/${id}/objects`, { objects }, { headers }).catch(nullIf(CONFLICT));
    },
    /** @param {readonly string[]} names @returns {Promise<import("./state.js").ClassOfObjects[]>} */
    async putClasses(names) {
      const { classes } = await sendJson("PUT", "classes", { classes: names.map((name) => ({ name })) });
      return classes;
    },
    /** @param {{image: string, checkpoint: string, isAhead: boolean}} what @param {AbortSignal} signal */
    embed: ({ image, checkpoint, isAhead }, signal) =>
      sendJson("POST", "embed", { image: Number(image), checkpoint, prefetch: isAhead }, { signal }),
    /** @param {Question} question @param {AbortSignal} signal @returns {Promise<Answer[]>} */
    async predict({ image, checkpoint, prompts, wanted }, signal) {
      const question = { image: Number(image), checkpoint, ...writePoints(prompts), box: prompts.box, answers: wanted };
      const previous = prompts.previous[checkpoint];
      const send = (/** @type {object} */ more) => sendJson("POST", "predict", { ...question, ...more }, { signal });
      // The server forgets old answers; then the prompts alone must do.
      const found = previous === undefined ? null : await send({ previous }).catch(nullIf(UNKNOWN));
      const { answers } = found ?? (await send({}));
      return answers.map((/** @type {any} */ answer) => readAnswer(answer, checkpoint));
    },
    /** @param {{image: string, checkpoint: string}} question @param {AbortSignal} signal @returns {Promise<{proposals: Answer[]}>} */
    async everything({ image, checkpoint }, signal) {
      const { proposals } = await sendJson("POST", "everything", { image: Number(image), checkpoint }, { signal });
      return { proposals: proposals.map((/** @type {any} */ answer) => readAnswer(answer, checkpoint)) };
    },
    /** @param {string} format @returns {Promise<{blob: Blob, name: string}>} */
    async exported(format) {
      const response = await ask(`export/${format}`, {});
      const named = /filename="?([^";]+)/.exec(response.headers.get("Content-Disposition") ?? "");
      return { blob: await response.blob(), name: named?.[1] ?? format };
    },
  };
}

/** @param {string} address @param {AbortSignal} [signal] */
async function getJson(address, signal) {
  return (await ask(address, { signal })).json();
}

/** @param {string} method @param {string} address @param {unknown} value @param {RequestInit} [more] */
async function sendJson(method, address, value, { headers, signal } = {}) {
  const request = { method, headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(value), signal };
  return (await ask(address, request)).json();
}

/** @param {string} address @param {RequestInit} request @returns {Promise<Response>} */
async function ask(address, request) {
  const response = await fetch(address, request).catch((error) => {
    throw request.signal?.aborted ? error : new Unreachable(AWAY);
  });
  if (response.ok) return response;
  if (STRANGER_STATUS.has(response.status)) throw new Unreachable(STRANGER);
  const sentence = await sentenceIn(response);
  throw LATER_STATUS.has(response.status) ? new Unreachable(sentence) : new Refused(sentence, response.status);
}

/** @param {Response} response @returns {Promise<string>} */
async function sentenceIn(response) {
  const body = await response.json().catch(() => null);
  return typeof body?.error === "string" ? body.error : `The server answered ${response.status} ${response.statusText}.`;
}

/** Turns one kind of refusal into null. @param {number} status @returns {(error: unknown) => null} */
function nullIf(status) {
  return (error) => {
    if (error instanceof Refused && error.status === status) return null;
    throw error;
  };
}
