/**
 * Puts the page together: one state, and the parts that change it and show it.
 *
 * @typedef {import("./state.js").State} State
 * @typedef {object} Parts what the page is made of
 * @property {import("./store.js").Store<State>} store
 * @property {import("./api.js").Api} api
 * @property {ReturnType<typeof createConnection>} connection
 * @property {Awaited<ReturnType<typeof createSaving>>} outbox
 * @property {ReturnType<typeof createImagePages>} images
 *
 * @typedef {object} Abilities what commands can do with them
 * @property {ReturnType<typeof startOpening>} navigation
 * @property {ReturnType<typeof startSurveying>} surveying
 * @property {() => import("./view.js").Size} stageSize
 * @property {(factor: number) => void} zoom
 * @property {() => void} finish
 * @property {() => void} showHelp
 * @property {() => void} showImages
 *
 * @typedef {Parts & Abilities} Page
 */
import { startAnswers } from "./answers.js";
import { createApi } from "./api.js";
import { runStroke } from "./commands.js";
import { createConnection } from "./connection.js";
import { sentenceOf } from "./errors.js";
import { startClasses } from "./classes_panel.js";
import { startExport } from "./exporting.js";
import { startHeader, startNotice } from "./header.js";
import { startHelp } from "./help.js";
import { showImages, startImageList } from "./image_list.js";
import { createImagePages } from "./image_pages.js";
import { listenToKeys } from "./keyboard.js";
import { startObjects } from "./objects_panel.js";
import { startOpening } from "./opening.js";
import { startProposals } from "./proposals_panel.js";
import { startPrompting } from "./prompting.js";
import { createSaving, startSaving } from "./saving.js";
import { startSaying } from "./saying.js";
import { startStages } from "./stage_view.js";
import { initialState, NO_SESSION } from "./state.js";
import { createStore } from "./store.js";
import { startSurveying } from "./surveying.js";
import { startToolbar } from "./toolbar.js";

/** @param {import("./store.js").Store<State>} store */
async function start(store) {
  const api = createApi();
  const connection = createConnection(api.session, (problem) => store.update((state) => ({ ...state, connection: problem })));
  startNotice(store);

  const { session, classes } = await connection.patiently(api.session);
  store.update(() => initialState(session, classes));
  const outbox = await createSaving({ store, api, connection, room: `${session.folder}/${session.store}` });
  const images = createImagePages((order, offset, limit) => connection.patiently(() => api.rows(order, offset, limit)));
  await show({ store, api, connection, outbox, images });
  await outbox.again();
}

/** @param {Parts} parts */
async function show(parts) {
  const navigation = startOpening(parts);
  const surveying = startSurveying(parts);
  const stages = startStages(parts, startPrompting(parts));
  const page = { ...parts, navigation, surveying, ...stages, ...startSaving(parts), showHelp: startHelp(), showImages };
  startHeader(page);
  startExport(page);
  startImageList(page);
  startToolbar(page);
  startAnswers(page);
  startClasses(page);
  startObjects(page);
  startProposals(page);
  startSaying(page);
  listenToKeys((stroke) => runStroke(page, stroke));
  await navigation.openFirst();
}

const store = createStore(initialState(NO_SESSION, []));
start(store).catch((error) => store.update((state) => ({ ...state, notice: sentenceOf(error) })));
