/**
 * Sends every change of objects and classes at once; what cannot be sent waits in the outbox.
 *
 * @typedef {import("./state.js").State} State
 * @typedef {import("./work.js").AnnotatedObject} AnnotatedObject
 * @typedef {{revision: string | null, ids: string[]}} Base what the server had of an image when it was last heard
 * @typedef {{objects: any[], base: Base}} Unsent objects as they travel
 */
import { Refused } from "./errors.js";
import { createOutbox } from "./outbox.js";
import { openShelf } from "./shelf.js";
import { withOpened, worked } from "./state.js";
import { readObject, writeObject } from "./wire.js";

const CLASSES = "classes";
const OBJECTS = "objects/";
const MOST_TRIES = 4;
const NOT_HEARD = { revision: null, ids: [] };

/**
 * @param {object} parts
 * @param {import("./store.js").Store<State>} parts.store
 * @param {import("./api.js").Api} parts.api
 * @param {ReturnType<typeof import("./connection.js").createConnection>} parts.connection
 * @param {string} parts.room of the browser's shelf
 */
export async function createSaving({ store, api, connection, room }) {
  /** @type {Map<string, Base>} */
  const bases = new Map();
  const outbox = await createOutbox({
    shelf: await openShelf(room),
    tell: (saving) => store.update((state) => ({ ...state, saving })),
    send: (key, value) => connection.patiently(() => send(key, value)),
  });

  /** @param {string} key @param {any} value */
  function send(key, value) {
    return key === CLASSES ? sendClasses(value) : sendObjects(key.slice(OBJECTS.length), value);
  }

  /** @param {string[]} names */
  async function sendClasses(names) {
    const classes = await api.putClasses(names);
    store.update((state) => ({ ...state, classes }));
  }

  /** Objects that somebody else added meanwhile stay. @param {string} id @param {Unsent} unsent */
  async function sendObjects(id, unsent) {
    let { objects } = unsent;
    let base = bases.get(id) ?? unsent.base;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const saved = await api.putObjects(id, objects, base.revision);
      if (saved !== null) return void bases.set(id, { revision: saved.revision, ids: idsOf(objects) });
      const theirs = await api.objects(id);
      const mine = new Set([...idsOf(objects), ...base.ids]);
      const added = theirs.objects.filter((object) => !mine.has(object.id));
      base = { revision: theirs.revision, ids: idsOf(theirs.objects) };
      objects = [...objects, ...added.map(writeObject)];
      store.update((state) => (state.opened?.row.id === id ? withAdded(state, added) : state));
    }
    throw new Refused("Somebody else is changing this image all the time; try again later.", 409);
  }

  return {
    again: outbox.again,
    /**
     * The objects of an image: those that wait to be sent, else those of the server.
     * @param {string} id
     * @param {AbortSignal} signal
     * @returns {Promise<AnnotatedObject[]>}
     */
    async objectsOf(id, signal) {
      const unsent = outbox.get(OBJECTS + id);
      if (unsent !== undefined) return unsent.objects.map(readObject);
      const { objects, revision } = await connection.patiently(() => api.objects(id, signal), signal);
      bases.set(id, { revision, ids: idsOf(objects) });
      return objects;
    },
    /** @param {string} id @param {readonly AnnotatedObject[]} objects */
    putObjects: (id, objects) => outbox.put(OBJECTS + id, { objects: objects.map(writeObject), base: bases.get(id) ?? NOT_HEARD }),
    /** @param {readonly string[]} names */
    putClasses: (names) => outbox.put(CLASSES, [...names]),
    /** @returns {string[]} names that wait to be sent */
    classes: () => outbox.get(CLASSES) ?? [],
  };
}

/** @param {import("./main.js").Parts} parts */
export function startSaving({ store, outbox, images }) {
  function save() {
    const { opened } = store.get();
    if (opened === null || opened.phase === "loading") return;
    const { objects } = opened.history.present;
    store.update((state) => withOpened(state, { sent: objects }));
    outbox.putObjects(opened.row.id, objects);
    images.change(opened.row.id, { state: "annotated", objects: objects.length });
  }
  store.watch(
    (state) => [state.opened?.history.present.objects ?? null],
    ([objects]) => {
      const { opened } = store.get();
      if (opened !== null && opened.phase !== "loading" && objects !== opened.sent) save();
    },
  );
  return { /** Save the image as it is: somebody has looked at it. */ finish: save };
}

/** @param {readonly {id: string}[]} objects @returns {string[]} */
function idsOf(objects) {
  return objects.map((object) => object.id);
}

/** @param {State} state @param {readonly AnnotatedObject[]} added @returns {State} */
function withAdded(state, added) {
  if (added.length === 0) return state;
  return worked(state, (work) => ({ ...work, objects: [...work.objects, ...added] }));
}
