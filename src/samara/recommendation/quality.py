"""Quality of a checkpoint's masks relative to SAM ViT-H, from measurements or from published figures.

Published figures from different tables cannot be compared, but ratios within one table can: each checkpoint is related
to SAM ViT-H by every table that has both, or else through one of `STEPPING_STONES`, and the median counts. Measured
figures take precedence; unmeasured checkpoints are then related to measured ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from samara.checkpoints.catalogue import CATALOGUE
from samara.measurement.published.figures import Figure, published_for
from samara.recommendation.measured import Measurements
from samara.recommendation.statement import Certainty, Statement, least_sure
from samara.recommendation.tasks import Domain, PromptKind

REFERENCE = "sam_vit_h"
"""The reference, with quality 1."""

STEPPING_STONES = ("mobile_sam",)
"""Checkpoints that share tables with the reference and with others."""

WITHOUT_HQ: Mapping[str, str] = {
    "sam_hq_vit_h": "sam_vit_h",
    "sam_hq_vit_l": "sam_vit_l",
    "sam_hq_vit_b": "sam_vit_b",
    "sam_hq_vit_tiny": "mobile_sam",
    "sam2.1_hq_l": "sam2.1_l",
}
"""HQ-SAM → the checkpoint it was trained from, with the same image encoder."""

TRAINED_FURTHER: Mapping[str, tuple[str, float]] = {"samara_mini": ("mobile_sam", 0.948)}
"""Checkpoint → its origin, and the fraction of box IoU that the origin keeps at this checkpoint's input size.

Gains of further training were measured on images like the training images, and do not count for a user's.
"""

FIRST_RELEASE: Mapping[str, str] = {
    "sam2_t": "sam2.1_t",
    "sam2_s": "sam2.1_s",
    "sam2_b+": "sam2.1_b+",
    "sam2_l": "sam2.1_l",
}
"""Checkpoint → the later one with the same network."""

_ORIGINS: Mapping[str, str] = {row.name: row.origin for row in CATALOGUE if row.origin}
"""Checkpoint trained further for one domain → its origin."""

USUAL_IOU = 0.8
"""About what SAM ViT-H reaches from a box on everyday images."""

SIZES_OF_SAM_2 = tuple(FIRST_RELEASE.values())
"""Only the largest has published figures on images; all have some on videos, by which the others are related to it."""

SAME_PROTOCOL: Mapping[str, str] = {"HQ-SAM 2 README": "HQ-SAM README"}
"""Table → an earlier one of the same authors, whose figures under equal conditions may be compared."""

_BOX = ("coco_ap", "lvis_ap", "seginw_ap", "box_iou")
_SPEAKS_FOR: Mapping[PromptKind, tuple[tuple[str, ...], ...]] = {
    "point": (("centre_click_iou", "agreement_iou"), _BOX),
    "background point": (("centre_click_iou", "agreement_iou"), _BOX),
    "box": (_BOX, ("centre_click_iou",)),
    "mask": (_BOX,),
    "everything": (("average_recall", *_BOX), ("centre_click_iou",)),
    "classes": (),
}
"""Published metrics by kind of prompt, in groups from the best suited to the fallback."""


@dataclass(frozen=True)
class _Ratio:
    value: float
    certainty: Certainty
    basis: str


def qualities(
    checkpoints: Iterable[str], prompts: tuple[PromptKind, ...], domain: Domain, measured: Measurements
) -> dict[str, Statement | None]:
    """Return the quality of each checkpoint relative to SAM ViT-H, mean over the kinds of prompts; None if unknown.

    Args:
        checkpoints: names in the catalogue.
        prompts: requested kinds of prompts.
        domain: domain of the images.
        measured: earlier measurements.
    """
    names = list(checkpoints)
    by_prompt = [_qualities_for(names, prompt, domain, measured) for prompt in _distinct(prompts)]
    return {name: _mean([one[name] for one in by_prompt]) for name in names}


def leader_of(checkpoint: str) -> tuple[str, str] | None:
    """Return the checkpoint that this one never ranks before, and why, as a clause about it; None for most."""
    if checkpoint in TRAINED_FURTHER:
        return TRAINED_FURTHER[checkpoint][0], "which is as fast at the same input size"
    if checkpoint in FIRST_RELEASE:
        return FIRST_RELEASE[checkpoint], "the later release of the same network"
    return None


def published_quality(checkpoint: str, prompt: PromptKind, domain: Domain) -> Statement | None:
    """Return the quality relative to SAM ViT-H by published figures alone; None if nothing relates them."""
    ratio = _ratio(checkpoint, prompt, domain)
    return None if ratio is None else Statement(ratio.value, ratio.certainty, ratio.basis)


def _distinct(prompts: tuple[PromptKind, ...]) -> tuple[PromptKind, ...]:
    """Drop kinds of prompts with the same figures."""
    return tuple({_SPEAKS_FOR[prompt]: prompt for prompt in reversed(prompts)}.values())


def _qualities_for(
    names: list[str], prompt: PromptKind, domain: Domain, measured: Measurements
) -> dict[str, Statement | None]:
    published = {name: published_quality(name, prompt, domain) for name in names}
    here = {name: measured.quality(name, prompt) for name in names}
    reference = _reference_value(published, here)
    found: dict[str, Statement | None] = {}
    for name in names:
        own, ratio = here[name], published[name]
        if reference is not None and own is not None:
            basis = f"{own.basis}: {own.value:.3f}, SAM ViT-H {reference.basis} {reference.value:.3f}"
            found[name] = Statement(own.value / reference.value, own.certainty, basis)
        elif reference is not None and ratio is not None:
            value = _expected(reference.value, ratio.value) / reference.value
            found[name] = Statement(value, ratio.certainty, ratio.basis)
        else:
            found[name] = ratio
    return found


def _reference_value(
    published: Mapping[str, Statement | None], here: Mapping[str, Statement | None]
) -> Statement | None:
    """Return SAM ViT-H's value of the measured metric: measured, or inferred from other checkpoints."""
    own = here.get(REFERENCE)
    if own is not None:
        return Statement(own.value, own.certainty, "measured")
    implied = [
        _implied(one.value, ratio.value)
        for name, one in here.items()
        if one is not None and (ratio := published[name]) is not None and one.value > 0
    ]
    return Statement(median(implied), "published", "inferred") if implied else None


def _implied(measured: float, ratio: float) -> float:
    """Return what SAM ViT-H would reach where another checkpoint, of a quality relative to it, reached `measured`."""
    return 1 - (1 - measured) * (1 - USUAL_IOU) / _usual_error(min(ratio, 1.0))


def _expected(reference: float, ratio: float) -> float:
    """Return what a checkpoint would reach where SAM ViT-H reaches `reference`: the inverse of `_implied`."""
    return max(0.0, 1 - (1 - reference) * _usual_error(ratio) / (1 - USUAL_IOU))


def _usual_error(ratio: float) -> float:
    """Return the usual error of a checkpoint.

    Errors are scaled by each other, not values: then nothing is inferred to be above 1, and where everything is easy,
    everybody's error is small.
    """
    return 1 - USUAL_IOU * ratio


def _mean(statements: list[Statement | None]) -> Statement | None:
    known = [one for one in statements if one is not None]
    if not known or len(known) < len(statements):
        return None
    basis = "; ".join(dict.fromkeys(one.basis for one in known))
    value = sum(one.value for one in known) / len(known)
    return Statement(value, least_sure(one.certainty for one in known), basis)


def _ratio(checkpoint: str, prompt: PromptKind, domain: Domain) -> _Ratio | None:
    base = WITHOUT_HQ.get(checkpoint)
    if base is not None and (prompt == "everything" or not domain.images):
        ratio = _ratio(base, prompt, domain)
        why = f"as {base}: HQ-SAM's gain was published only for prompts on images"
        return None if ratio is None else _Ratio(ratio.value, "rule of thumb", why)
    if checkpoint in TRAINED_FURTHER:
        origin, kept = TRAINED_FURTHER[checkpoint]
        ratio = _ratio(origin, prompt, domain)
        why = f"as {origin}, its origin, at this checkpoint's input size"
        return None if ratio is None else _Ratio(ratio.value * kept, "rule of thumb", why)
    if checkpoint in _ORIGINS:
        origin = _ORIGINS[checkpoint]
        ratio = _ratio(origin, prompt, domain)
        why = f"as {origin}, its origin; what it gained in its domain has no figure here"
        return None if ratio is None else _Ratio(ratio.value, "rule of thumb", why)
    if checkpoint in FIRST_RELEASE:
        later = FIRST_RELEASE[checkpoint]
        ratio = _ratio(later, prompt, domain)
        return None if ratio is None else _Ratio(ratio.value, "rule of thumb", f"as {later}, its successor")
    for metrics in _SPEAKS_FOR[prompt]:
        found = _by_tables(checkpoint, metrics) or _by_siblings(checkpoint, metrics) or _by_videos(checkpoint, metrics)
        found = found or _loosely(checkpoint, metrics)
        if found is not None:
            return found
    return None


def _by_tables(checkpoint: str, metrics: tuple[str, ...]) -> _Ratio | None:
    """Return the median over the tables with the checkpoint and the reference, or a stepping stone."""
    if checkpoint == REFERENCE:
        return _Ratio(1.0, "published", "it is the reference")
    direct = _shared(checkpoint, REFERENCE, metrics)
    if direct:
        return _Ratio(median(value for value, _ in direct), "published", _told(figure for _, figure in direct))
    for stone in STEPPING_STONES:
        via = None if checkpoint == stone else _by_tables(stone, _BOX)
        found = _shared(checkpoint, stone, metrics)
        if via is not None and found:
            value = via.value * median(value for value, _ in found)
            return _Ratio(value, "published", f"{_told(figure for _, figure in found)}, via {stone}")
    return None


def _by_siblings(checkpoint: str, metrics: tuple[str, ...]) -> _Ratio | None:
    """Estimate HQ-SAM of a size that no table has: its base, times HQ-SAM's gain at other sizes."""
    base = WITHOUT_HQ.get(checkpoint)
    if base is None or not set(_BOX) <= set(metrics):
        return None
    gains = [gain for hq, sam in WITHOUT_HQ.items() for gain, _ in _shared(hq, sam, metrics)]
    ratio = _by_tables(base, metrics)
    if ratio is None or not gains:
        return None
    return _Ratio(ratio.value * median(gains), "rule of thumb", f"{base}, and HQ-SAM's gain at other sizes")


def _by_videos(checkpoint: str, metrics: tuple[str, ...]) -> _Ratio | None:
    """SAM 2.1 of a size that no table of images has: the largest, times how its J&F on videos compares."""
    largest = SIZES_OF_SAM_2[-1]
    if checkpoint not in SIZES_OF_SAM_2[:-1]:
        return None
    ratio = _by_tables(largest, metrics)
    shares = [share for share, _ in _shared(checkpoint, largest, ("video_jf",))]
    if ratio is None or not shares:
        return None
    return _Ratio(ratio.value * median(shares), "rule of thumb", f"{largest}, and how the two compare on videos")


def _loosely(checkpoint: str, metrics: tuple[str, ...]) -> _Ratio | None:
    """Relate tables with different conditions; the weakest relation, but better than none."""
    own = [one for metric in metrics for one in published_for(checkpoint, metric)]
    ratios = [
        one.value / median(other.value for other in others)
        for one in own
        if one.metric != "agreement_iou" and (others := published_for(REFERENCE, one.metric))
    ]
    if not ratios:
        return None
    return _Ratio(median(ratios), "rule of thumb", f"{_told(own)}, compared with other tables of SAM ViT-H")


def _shared(checkpoint: str, other: str, metrics: tuple[str, ...]) -> list[tuple[float, Figure]]:
    """Return the ratios of all pairs of figures in one table under equal conditions."""
    return [
        (figure.value / partner.value, figure)
        for metric in metrics
        for figure in published_for(checkpoint, metric)
        for source in dict.fromkeys((figure.source, SAME_PROTOCOL.get(figure.source, figure.source)))
        for partner in published_for(other, metric, source)
        if figure.conditions == partner.conditions
    ]


def _told(figures: Iterable[Figure]) -> str:
    """Describe what was published, and where."""
    by_title: dict[str, dict[str, None]] = {}
    for figure in figures:
        by_title.setdefault(_SHORT[figure.metric], {})[figure.source] = None
    return "; ".join(f"{title} in {', '.join(sources)}" for title, sources in by_title.items())


_SHORT: Mapping[str, str] = {
    "coco_ap": "COCO AP",
    "lvis_ap": "LVIS AP",
    "seginw_ap": "SegInW AP",
    "box_iou": "IoU from boxes",
    "centre_click_iou": "IoU from clicks",
    "agreement_iou": "agreement with SAM",
    "average_recall": "recall of everything",
}
"""Display names of the metrics."""
