/** The head of the page: checkpoints, whether all is saved, notices. */
import { byId, h } from "./dom.js";
import { quiet, sideOf } from "./state.js";

const ALONE = "";

/** @param {import("./main.js").Page} page */
export function startHeader(page) {
  const { session } = page.store.get();
  byId("folder").textContent = session.folder;
  document.title = `${session.folder} · samara`;
  startCheckpoints(page);
  startSavingState(page);
}

/** @param {import("./main.js").Page} page */
function startCheckpoints({ store }) {
  const { checkpoints } = store.get().session;
  const first = /** @type {HTMLSelectElement} */ (byId("checkpoint"));
  const beside = /** @type {HTMLSelectElement} */ (byId("beside"));
  first.append(...checkpoints.map(optionOf));
  beside.append(h("option", { value: ALONE }, "none"), ...checkpoints.map(optionOf));
  /** @type {HTMLElement} */ (beside.parentElement).hidden = checkpoints.length < 2;
  for (const select of [first, beside]) {
    select.addEventListener("change", () => {
      const names = [first.value, beside.value].filter((name) => name !== ALONE);
      store.update((state) => ({ ...quiet(state), sides: names.map(sideOf), activeSide: 0, everything: null }));
    });
  }
}

/** @param {import("./state.js").Checkpoint} checkpoint */
function optionOf({ name, title }) {
  return h("option", { value: name, title }, name);
}

/** @param {import("./main.js").Page} page */
function startSavingState({ store, outbox }) {
  const element = byId("saving");
  store.watch(
    (state) => [state.saving, state.connection],
    ([{ state, waiting, problem }, connection]) => {
      const isUnsaved = state === "refused" || (waiting > 0 && connection !== null);
      element.className = isUnsaved ? "unsaved" : state;
      element.textContent = isUnsaved ? `${waiting} not saved` : state === "saving" ? "Saving…" : "Saved";
      element.title = problem ?? (isUnsaved ? "Kept in this browser and sent when the server is back." : "");
    },
  );
  const again = byId("notice-again");
  again.addEventListener("click", () => outbox.again());
  store.watch(
    (state) => [state.saving.state === "refused"],
    ([isRefused]) => (again.hidden = !isRefused),
  );
}

/** What went wrong with the whole page, in one sentence. @param {import("./store.js").Store<import("./state.js").State>} store */
export function startNotice(store) {
  const bar = byId("notice");
  store.watch(
    (state) => [state.connection ?? state.saving.problem ?? state.notice],
    ([text]) => {
      bar.hidden = text === null;
      byId("notice-text").textContent = text ?? "";
    },
  );
  byId("notice-close").addEventListener("click", () =>
    store.update((state) => ({ ...state, notice: null, connection: null, saving: { ...state.saving, problem: null } })),
  );
}
