/**
 * Brings an image onto the stage: its pixels, its objects, its embedding; then prepares the next one.
 *
 * @typedef {import("./state.js").ImageRow} ImageRow
 */
import { sentenceOf } from "./errors.js";
import { started } from "./history.js";
import { opening, withOpened } from "./state.js";
import { NO_WORK } from "./work.js";

const LAST = "This is the last image.";
const FIRST = "This is the first image.";
const IN_ADDRESS = /^#image-(\d+)$/;

/** @param {import("./main.js").Parts} page */
export function startOpening({ store, api, connection, outbox, images }) {
  let coming = new AbortController();
  /** @type {{id: string, pixels: Promise<ImageBitmap>} | null} */
  let prepared = null;

  /** @param {ImageRow} row @param {number} index */
  async function open(row, index) {
    coming.abort();
    const mine = new AbortController();
    coming = mine;
    store.update((state) => opening(state, row, index));
    try {
      await measure(row, mine.signal);
      await load(row, mine.signal);
      if (!mine.signal.aborted) await prepare(index + 1, mine.signal);
    } catch (error) {
      if (mine.signal.aborted) return;
      store.update((state) => withOpened(state, { phase: "failed", problem: sentenceOf(error) }));
    }
  }

  /** @param {ImageRow} row @param {AbortSignal} signal */
  async function load(row, signal) {
    const [pixels, history] = await Promise.all([pixelsOf(row.id, signal), historyOf(row.id, signal)]);
    if (signal.aborted) return;
    store.update((state) => withOpened(state, { phase: "embedding", pixels, history, sent: history.present.objects }));
    await embed(row.id, signal);
    if (!signal.aborted) store.update((state) => withOpened(state, { phase: "ready" }));
  }

  /** The list may not know the size of an image that nobody has opened. @param {ImageRow} row @param {AbortSignal} signal */
  async function measure(row, signal) {
    if (row.width !== null && row.height !== null) return;
    const measured = await connection.patiently(() => api.row(row.id, signal), signal);
    if (!signal.aborted) store.update((state) => withOpened(state, { row: measured }));
  }

  /** @param {string} id @param {AbortSignal} signal @returns {Promise<ImageBitmap>} */
  function pixelsOf(id, signal) {
    const known = prepared?.id === id ? prepared.pixels : null;
    return known?.catch(() => fetchPixels(id, signal)) ?? fetchPixels(id, signal);
  }

  /** @param {string} id @param {AbortSignal} signal */
  function fetchPixels(id, signal) {
    return connection.patiently(() => api.pixels(id, signal), signal);
  }

  /** What the page knows is newer than what the server has. @param {string} id @param {AbortSignal} signal */
  async function historyOf(id, signal) {
    const kept = store.get().kept.get(id);
    if (kept !== undefined) return kept;
    return started({ ...NO_WORK, objects: await outbox.objectsOf(id, signal) });
  }

  /** @param {string} id @param {AbortSignal} signal */
  function embed(id, signal) {
    const checkpoints = store.get().sides.map((side) => side.checkpoint);
    return Promise.all(
      checkpoints.map((checkpoint) =>
        connection.patiently(() => api.embed({ image: id, checkpoint, isAhead: false }, signal), signal),
      ),
    );
  }

  /** Whatever fails here fails again, aloud, when the image is opened. @param {number} index @param {AbortSignal} signal */
  async function prepare(index, signal) {
    const row = await images.row(index).catch(() => null);
    if (row === null || row.state === "unreadable" || signal.aborted) return;
    prepared = { id: row.id, pixels: api.pixels(row.id, signal) };
    const embeddings = store.get().sides.map(({ checkpoint }) => api.embed({ image: row.id, checkpoint, isAhead: true }, signal));
    await Promise.allSettled([prepared.pixels, ...embeddings]);
  }

  store.watch(
    (state) => [state.sides.map((side) => side.checkpoint).join("\n")],
    () => {
      const { opened } = store.get();
      if (opened === null || opened.phase === "loading" || opened.phase === "failed") return;
      store.update((state) => withOpened(state, { phase: "embedding" }));
      embedAgain(opened.row.id, coming.signal);
    },
  );

  /** @param {string} id @param {AbortSignal} signal */
  async function embedAgain(id, signal) {
    try {
      await embed(id, signal);
      if (!signal.aborted) store.update((state) => withOpened(state, { phase: "ready" }));
    } catch (error) {
      if (!signal.aborted) store.update((state) => ({ ...state, notice: sentenceOf(error) }));
    }
  }

  /** The first image that can be read, from a place on. @param {number} index @param {1 | -1} direction */
  async function readable(index, direction) {
    for (let at = index; ; at += direction) {
      const row = await images.row(at);
      if (row === null) return null;
      if (row.state !== "unreadable") return { row, index: at };
    }
  }

  /**
   * @param {number} index
   * @param {1 | -1} direction where to look on if that one cannot be read
   * @param {string | null} end what to say if there is none
   */
  async function openAt(index, direction = 1, end = null) {
    try {
      const found = await readable(index, direction);
      if (found !== null) await open(found.row, found.index);
      else store.update((state) => ({ ...state, notice: end }));
    } catch (error) {
      store.update((state) => ({ ...state, notice: sentenceOf(error) }));
    }
  }

  /** The image of the page's address, where a reload goes on; else the first one. */
  async function openFirst() {
    const [, id] = IN_ADDRESS.exec(location.hash) ?? [];
    const row = id === undefined ? null : await connection.patiently(() => api.row(id, coming.signal)).catch(() => null);
    await images.row(0);
    if (row === null || row.state === "unreadable") await openAt(0);
    else await open(row, placeOf(row.id));
  }

  /** Its place in the list as far as that is known; before the first image otherwise. @param {string} id */
  function placeOf(id) {
    return [...images.known.get().rows].find(([, row]) => row.id === id)?.[0] ?? -1;
  }

  store.watch(
    (state) => [state.opened?.row.id],
    ([id]) => {
      if (id !== undefined) history.replaceState(null, "", `#image-${id}`);
    },
  );

  return {
    openFirst,
    openAt,
    /** @param {1 | -1} direction */
    openNeighbour: (direction) =>
      openAt((store.get().opened?.index ?? -direction) + direction, direction, direction === 1 ? LAST : FIRST),
  };
}
