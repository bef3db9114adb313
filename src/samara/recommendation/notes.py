"""Additional notes on a recommendation, as sentences."""

from __future__ import annotations

from collections.abc import Callable

from samara.checkpoints.catalogue import CATALOGUE
from samara.measurement.published.figures import published_for
from samara.recommendation.answer import Recommendation, told_licence
from samara.recommendation.guide import guide_note, memory_note
from samara.recommendation.measured import Measurements
from samara.recommendation.quality import WITHOUT_HQ
from samara.recommendation.rules import NOT_RUN

_Note = Callable[[Recommendation, Measurements], str | None]


def notes_about(recommendation: Recommendation, measured: Measurements) -> tuple[str, ...]:
    """Return every note that applies, the most urgent first."""
    found = (note(recommendation, measured) for note in _NOTES)
    return tuple(note for note in found if note is not None)


def _small(recommendation: Recommendation, measured: Measurements) -> str | None:
    """Warn that the embedded checkpoint is not comparable to a large one."""
    best = recommendation.best
    if best is None or not best.candidate.checkpoint.embedded:
        return None
    click, box = (published_for(best.name, metric)[0].value for metric in ("centre_click_iou", "box_iou"))
    return (
        f"{best.name} is small (mean IoU {click:.2f} from a click, {box:.2f} from a box, natural images): it "
        "runs here, but larger ones are better if you can relax the limits that exclude them."
    )


def _nothing(recommendation: Recommendation, measured: Measurements) -> str | None:
    """Say which limit to relax if nothing is feasible."""
    if recommendation.ranking:
        return None
    alone: dict[str, int] = {}
    for one in recommendation.excluded:
        if len(one.reasons) == 1 and one.reasons[0].rule != NOT_RUN:
            alone[one.reasons[0].rule] = alone.get(one.reasons[0].rule, 0) + 1
    if not alone:
        return "Relaxing a single limit is not enough: each checkpoint fails for more than one reason."
    rule = max(alone, key=lambda name: alone[name])
    return f"Relax the limit on {rule} first: it alone excludes {alone[rule]} checkpoints."


def _licence(recommendation: Recommendation, measured: Measurements) -> str | None:
    return None if recommendation.best is None else told_licence(recommendation.best)


def _settings(recommendation: Recommendation, measured: Measurements) -> str | None:
    best = recommendation.best
    if best is None or not best.candidate.needs.settings:
        return None
    settings = ", ".join(f"{name}={value}" for name, value in best.candidate.needs.settings.items())
    return f"To fit into memory, use samara.AutomaticSettings({settings})."


def _one_mask(recommendation: Recommendation, measured: Measurements) -> str | None:
    best = recommendation.best
    if best is None or best.candidate.variant.family != "hq_sam" or recommendation.request.asks_everything:
        return None
    return (
        f"{best.name} returns one mask per prompt; to choose from three for an ambiguous click, use "
        f"{WITHOUT_HQ[best.name]}."
    )


def _sizes(recommendation: Recommendation, measured: Measurements) -> str | None:
    if "classes" not in recommendation.request.prompts or recommendation.best is None:
        return None
    return (
        "These figures do not say which size of YOLO-seg is good enough: larger ones find more (rule of thumb) and "
        "are slower."
    )


def _meanwhile(recommendation: Recommendation, measured: Measurements) -> str | None:
    best = recommendation.best
    embedded = [one for one in recommendation.ranking if one.candidate.checkpoint.embedded]
    if best is None or best.candidate.at_hand or not embedded:
        return None
    return f"To try the interface before the download, {embedded[0].name} runs at once."


def _domain(recommendation: Recommendation, measured: Measurements) -> str | None:
    return recommendation.request.domain_details.note or None


def _guide(recommendation: Recommendation, measured: Measurements) -> str | None:
    return guide_note(recommendation.request, recommendation.target, recommendation.checkpoint)


def _thresholds(recommendation: Recommendation, measured: Measurements) -> str | None:
    best = recommendation.best
    memory = None if best is None else best.candidate.needs.memory.value
    return memory_note(recommendation.target, recommendation.checkpoint, memory)


def _measure(recommendation: Recommendation, measured: Measurements) -> str | None:
    """Suggest measuring, since published figures are for other images."""
    best = recommendation.best
    if best is None or best.quality is None or best.quality.certainty.startswith("measured"):
        return None
    return (
        "The quality figures are published ones for other images. To measure on your own: "
        "samara recommend --images DIR --ground-truth COCO.json"
    )


def _unknown(recommendation: Recommendation, measured: Measurements) -> str | None:
    names = {row.name for row in CATALOGUE}
    strangers = sorted({one.subject.checkpoint for one in measured.records} - names)
    if not strangers:
        return None
    return f"Records of {', '.join(strangers)} were left out: these checkpoints are not in the catalogue."


_NOTES: tuple[_Note, ...] = (
    _small,
    _nothing,
    _licence,
    _settings,
    _one_mask,
    _sizes,
    _domain,
    _guide,
    _thresholds,
    _meanwhile,
    _unknown,
    _measure,
)
