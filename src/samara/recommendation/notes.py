"""Additional notes on a recommendation, as sentences."""

from __future__ import annotations

from collections.abc import Callable

from samara.checkpoints.catalogue import CATALOGUE
from samara.measurement.published.figures import published_for
from samara.recommendation.answer import Recommendation, told_licence
from samara.recommendation.evidence import RULE as EVIDENCE_RULE
from samara.recommendation.evidence import counts
from samara.recommendation.guide import guide_note, memory_note
from samara.recommendation.measured import Measurements
from samara.recommendation.quality import WITHOUT_HQ
from samara.recommendation.ranking import Ranked
from samara.recommendation.rules import LIMITS, NOT_RUN

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
    if recommendation.ranking or _refused_by_all(recommendation):
        return None
    alone: dict[str, int] = {}
    for one in recommendation.excluded:
        rules = {reason.rule for reason in one.reasons}
        if len(rules) == 1 and rules <= {*LIMITS, "licence"}:
            (rule,) = rules
            alone[rule] = alone.get(rule, 0) + 1
    if not alone:
        return "Relaxing a single limit is not enough: each checkpoint fails for more than one reason."
    rule = max(alone, key=lambda name: alone[name])
    return f"Relax the limit on {rule} first: it alone excludes {alone[rule]} checkpoints."


def _refused_by_all(recommendation: Recommendation) -> bool:
    """Whether no checkpoint takes the prompts, so that no limit is to blame."""
    return all({"prompts", NOT_RUN} & {reason.rule for reason in one.reasons} for one in recommendation.excluded)


def _prompts(recommendation: Recommendation, measured: Measurements) -> str | None:
    prompts = recommendation.request.prompts
    if recommendation.ranking or not _refused_by_all(recommendation):
        return None
    return f"No checkpoint takes {' and '.join(prompts)} together; ask for one of them at a time."


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
    own = _best_measured(recommendation)
    if own is not None:
        get = "" if best.candidate.at_hand else f"`samara checkpoints get {best.name}`, then "
        return (
            f"{best.name} was not measured on these images; of those that were, {own.name} is the best "
            f"({own.quality.value if own.quality else 0:.2f}). To measure it too: {get}repeat this command."
        )
    return (
        "The quality figures are published ones for other images. To measure on your own: "
        "samara recommend --images DIR --ground-truth COCO.json"
    )


def _best_measured(recommendation: Recommendation) -> Ranked | None:
    own = [
        one
        for one in recommendation.ranking
        if one.quality is not None and one.quality.certainty.startswith("measured")
    ]
    return max(own, key=lambda one: one.quality.value if one.quality else 0.0, default=None)


def _not_counted(recommendation: Recommendation, measured: Measurements) -> str | None:
    """Say which measurements of quality do not count, and why."""
    few = dict.fromkeys(one.subject.checkpoint for one in recommendation.measured if not counts(one))
    few = dict.fromkeys(name for name in few if not _counts_anywhere(recommendation, name))
    return f"The measured quality of {', '.join(few)} does not count: {EVIDENCE_RULE}." if few else None


def _counts_anywhere(recommendation: Recommendation, name: str) -> bool:
    return any(counts(one) for one in recommendation.measured if one.subject.checkpoint == name)


def _unknown(recommendation: Recommendation, measured: Measurements) -> str | None:
    known = {row.name for row in CATALOGUE} | {one.name for one in recommendation.ranking}
    known |= {one.name for one in recommendation.excluded}
    strangers = sorted({one.subject.checkpoint for one in measured.records} - known)
    if not strangers:
        return None
    return (
        f"Records of {', '.join(strangers)} were left out: a checkpoint that is not in the catalogue takes part once "
        f"its quality was measured; {EVIDENCE_RULE}."
    )


def _by_hand(recommendation: Recommendation, measured: Measurements) -> str | None:
    best = recommendation.best
    if best is None or best.candidate.at_hand or best.candidate.checkpoint.url is not None:
        return None
    return f"samara cannot download {best.name}: {best.candidate.checkpoint.note}."


def _specialists(recommendation: Recommendation, measured: Measurements) -> str | None:
    """Name those trained for the domain that are not put first, and why not."""
    best, domain = recommendation.best, recommendation.request.domain
    if best is None or best.candidate.checkpoint.speciality == domain:
        return None
    own = [one for one in recommendation.ranking if one.candidate.checkpoint.speciality == domain]
    if not own:
        return None
    told = [f"{one.name} ({one.missed[0] if one.missed else 'its licence is not stated'})" for one in own]
    return f"Trained for {domain} images, but not put first: {'; '.join(told)}. Measure them on yours."


def _apple(recommendation: Recommendation, measured: Measurements) -> str | None:
    if recommendation.target.device != "mps" or recommendation.best is None:
        return None
    return (
        "An Apple GPU is used only with --device mps, and users of the official code report worse masks there. "
        "Compare them with the CPU's first: samara doctor --device mps"
    )


_NOTES: tuple[_Note, ...] = (
    _small,
    _nothing,
    _prompts,
    _licence,
    _by_hand,
    _apple,
    _settings,
    _one_mask,
    _sizes,
    _domain,
    _specialists,
    _guide,
    _thresholds,
    _meanwhile,
    _not_counted,
    _unknown,
    _measure,
)
