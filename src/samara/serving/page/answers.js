/** What the checkpoints answered: the numbers under each stage, the choice of three, the note on the stage. */
import { byId, h } from "./dom.js";
import { chosenAnswer, workOf } from "./state.js";
import { isAskable, isEmpty } from "./work.js";

/** @typedef {import("./state.js").State} State */

/** @param {import("./main.js").Parts} page */
export function startAnswers({ store }) {
  const sides = [...document.querySelectorAll(".side")].map((side) => /** @type {HTMLElement} */ (side));

  sides.forEach((side, index) => {
    store.watch(
      (state) => [state.sides[index] ?? null, state.sides.length, state.activeSide, state.choice, state.opened?.row, state.everything?.pointed],
      () => showSide(side, store.get(), index),
    );
  });
  store.watch(
    (state) => [state.sides, state.activeSide, state.choice],
    () => showChoice(store.get()),
  );
  store.watch(
    (state) => [state.opened?.row ?? null],
    ([row]) => (byId("image-name").textContent = row === null ? "" : `${row.name} · ${row.width} × ${row.height}`),
  );
  store.watch(
    (state) => [noteOf(state).text, noteOf(state).isWrong],
    ([text, isWrong]) => {
      const note = byId("stage-note");
      note.hidden = text === "";
      note.textContent = text;
      note.classList.toggle("wrong", isWrong);
    },
  );
  store.watch(
    (state) => [isBusy(state)],
    ([busy]) => byId("stages").setAttribute("aria-busy", String(busy)),
  );
}

/** @param {HTMLElement} element @param {State} state @param {number} index */
function showSide(element, state, index) {
  const side = state.sides[index];
  const isPair = state.sides.length > 1;
  element.hidden = side === undefined;
  if (side === undefined) return;
  element.classList.toggle("active", isPair && state.activeSide === index);
  const stage = /** @type {HTMLElement} */ (element.querySelector(".stage"));
  const caption = /** @type {HTMLElement} */ (element.querySelector("figcaption"));
  const row = state.opened?.row;
  const name = row === undefined ? "No image" : `Image ${row.name}`;
  stage.setAttribute("aria-label", `${name}${isPair ? `, ${side.checkpoint}` : ""}. Arrow keys move the crosshair, Space adds, X removes, B draws a box, Enter accepts.`);
  caption.replaceChildren(h("bdi", {}, side.checkpoint), h("span", { class: "quiet" }, (isPair ? side.problem : null) ?? numbersOf(state, index)));
}

/** @param {State} state @param {number} index */
function numbersOf(state, index) {
  const answer = state.everything?.pointed ?? chosenAnswer(state, index) ?? state.sides[index].preview;
  return answer === null ? "" : describe(answer);
}

/** An answer in words. @param {import("./work.js").Answer} answer */
export function describe({ predictedIou, stability, mask }) {
  const share = mask.area / (mask.rle.size[0] * mask.rle.size[1]);
  const steady = stability === null ? "" : ` · stability ${stability.toFixed(2)}`;
  return `predicted IoU ${predictedIou.toFixed(2)}${steady} · area ${percent(share)}`;
}

/** @param {number} share */
export function percent(share) {
  return share >= 0.0995 ? `${Math.round(100 * share)} %` : `${(100 * share).toPrecision(2)} %`;
}

/** @param {State} state */
function showChoice(state) {
  const answers = state.sides[state.activeSide]?.answers ?? [];
  const choice = byId("answer-choice");
  choice.hidden = answers.length < 2;
  [...choice.children].forEach((button, index) => {
    const answer = answers[index];
    /** @type {HTMLElement} */ (button).hidden = answer === undefined;
    if (answer === undefined) return;
    button.replaceChildren(h("b", {}, String(index + 1)), h("span", { class: "quiet" }, answer.predictedIou.toFixed(2)));
  });
}

/** @param {State} state @returns {{text: string, isWrong: boolean}} */
function noteOf(state) {
  const { opened, everything, sides, activeSide } = state;
  if (opened === null) return { text: "", isWrong: false };
  const problem = opened.problem ?? sides[activeSide]?.problem ?? everything?.problem ?? null;
  if (problem !== null) return { text: problem, isWrong: true };
  if (opened.phase === "loading") return { text: "Loading the image…", isWrong: false };
  if (everything?.status === "asking") return { text: "Looking for everything…", isWrong: false };
  const { prompts } = workOf(state);
  if (!isEmpty(prompts) && !isAskable(prompts)) return { text: "Add a point inside the object first.", isWrong: false };
  if (opened.phase === "embedding") return { text: "Embedding the image…", isWrong: false };
  return { text: "", isWrong: false };
}

/** @param {State} state */
function isBusy({ opened, sides, everything }) {
  const isComing = opened?.phase === "loading" || opened?.phase === "embedding";
  return isComing || everything?.status === "asking" || sides.some((side) => side.status === "asking");
}
