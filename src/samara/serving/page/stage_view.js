/**
 * Draws the state on the stages.
 *
 * @typedef {import("./state.js").State} State
 * @typedef {import("./view.js").Point} Point
 * @typedef {import("./stage.js").Coloured} Coloured
 */
import { byId } from "./dom.js";
import { listen } from "./gestures.js";
import { meaningsOn, viewOf, zoomAt } from "./pointing.js";
import { createStage } from "./stage.js";
import { chosenAnswer, colourOf, openProposals, workOf } from "./state.js";
import { NO_PROMPTS } from "./work.js";

const SELECTED = "#ffffff";
const GOLDEN_ANGLE = 137.508;

/**
 * @param {import("./main.js").Parts} page
 * @param {{preview: (at: Point | null, time: number) => void}} prompting
 */
export function startStages(page, prompting) {
  const hosts = [byId("stage-0"), byId("stage-1")];
  const stages = hosts.map(createStage);
  hosts.forEach((host, side) => listen(host, meaningsOn(page, prompting, stages[side], side)));

  const measure = measuringPreviews();
  const drawScenes = oncePerFrame(() => {
    const state = page.store.get();
    state.sides.forEach((_, side) => drawScene(state, stages[side]));
  });
  const drawForegrounds = oncePerFrame(() => {
    const state = page.store.get();
    state.sides.forEach((_, side) => drawForeground(state, stages[side], side));
    measure(state.previewAsked);
  });
  page.store.watch(sceneParts, drawScenes);
  page.store.watch((state) => [state], drawForegrounds);
  const sizes = new ResizeObserver(() => {
    drawScenes();
    drawForegrounds();
  });
  hosts.forEach((host) => sizes.observe(host));

  page.store.watch(
    (state) => [state.tool],
    ([tool]) => hosts.forEach((host) => host.classList.toggle("moves", tool === "move")),
  );

  return {
    stageSize: stages[0].size,
    /** @param {number} factor */
    zoom: (factor) => zoomAt(page, stages[0], factor, crosshairOrMiddle(page.store.get(), stages[0])),
  };
}

/** What scenes depend on; a moving pointer is no part of it. @param {State} state */
function sceneParts(state) {
  const { opened, everything, view, areMasksShown, classes, sides } = state;
  const image = [opened?.pixels, opened?.row, opened?.history.present.objects];
  return [...image, everything?.proposals, everything?.limits, view, areMasksShown, classes, sides.length];
}

/** @param {State} state @param {ReturnType<typeof createStage>} stage */
function drawScene(state, stage) {
  const { opened, areMasksShown } = state;
  const size = opened?.row ?? { width: 1, height: 1 };
  stage.drawScene({ pixels: opened?.pixels ?? null, size, view: viewOf(state, stage), masks: areMasksShown ? sceneMasks(state) : [] });
}

/** @param {State} state @param {ReturnType<typeof createStage>} stage @param {number} side */
function drawForeground(state, stage, side) {
  const { everything, crosshair, drawnBox } = state;
  const prompts = everything === null ? workOf(state).prompts : NO_PROMPTS;
  stage.drawForeground({ view: viewOf(state, stage), masks: foregroundMasks(state, side), prompts, drawnBox, crosshair });
}

/** Small proposals lie on top; the sliders change no colour. @param {State} state @returns {Coloured[]} */
function sceneMasks(state) {
  const objects = workOf(state).objects.map(({ mask, className }) => ({ mask, colour: colourOf(state, className) }));
  if (state.everything === null) return objects;
  const { proposals } = state.everything;
  const coloured = openProposals(state).map((one) => ({ mask: one.mask, colour: colourOfProposal(proposals.indexOf(one)) }));
  return [...objects, ...coloured.sort((a, b) => b.mask.area - a.mask.area)];
}

/** @param {State} state @param {number} side @returns {Coloured[]} */
function foregroundMasks(state, side) {
  const selected = workOf(state).objects.find((object) => object.id === state.selected);
  const pointed = state.everything?.pointed ?? null;
  const answer = pointed ?? chosenAnswer(state, side) ?? state.sides[side].preview;
  return [
    ...(selected === undefined ? [] : [{ mask: selected.mask, colour: SELECTED }]),
    ...(answer === null ? [] : [{ mask: answer.mask, colour: pointed === null ? colourOf(state, state.className) : SELECTED }]),
  ];
}

/** Neighbouring numbers get colours far apart. @param {number} index */
function colourOfProposal(index) {
  const hue = (index * GOLDEN_ANGLE) % 360;
  const channel = (/** @type {number} */ n) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (0.58 - 0.36 * Math.max(-1, Math.min(k - 3, 9 - k, 1)))).toString(16).padStart(2, "0");
  };
  return `#${channel(0)}${channel(8)}${channel(4)}`;
}

/** @param {State} state @param {ReturnType<typeof createStage>} stage @returns {Point} */
function crosshairOrMiddle(state, stage) {
  const { width, height } = stage.size();
  if (state.crosshair === null) return { x: width / 2, y: height / 2 };
  const view = viewOf(state, stage);
  return { x: state.crosshair.x * view.scale + view.x, y: state.crosshair.y * view.scale + view.y };
}

/** @param {() => void} work @returns {() => void} */
function oncePerFrame(work) {
  let isComing = false;
  return () => {
    if (isComing) return;
    isComing = true;
    requestAnimationFrame(() => {
      isComing = false;
      work();
    });
  };
}

/** Time from the pointer's movement to its mask on the screen, as an entry of the browser's own time line. */
function measuringPreviews() {
  /** @type {number | null} */
  let last = null;
  return (/** @type {number | null} */ start) => {
    if (start === null || start === last) return;
    last = start;
    setTimeout(() => performance.measure("pointer to mask", { start, end: performance.now() }));
  };
}
