"""Comparisons of the guide ("6.4 times smaller", "864 times faster"), recomputed from figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from samara.checkpoints.catalogue import find
from samara.measurement.published.figures import published_for
from samara.measurement.published.guide_claims import claims_for
from samara.measurement.published.record import Figure
from samara.networks.variants import VARIANTS

RatioKind = Literal["times smaller", "times faster", "less time", "more throughput", "fewer", "lower"]
"""Kind of comparison: `times ...` is a factor, the others are fractions."""

_FORMULAS: Mapping[RatioKind, Callable[[float, float], float]] = {
    "times smaller": lambda this, other: other / this,
    "times faster": lambda this, other: other / this,
    "less time": lambda this, other: 1 - this / other,
    "more throughput": lambda this, other: other / this - 1,
    "fewer": lambda this, other: 1 - this / other,
    "lower": lambda this, other: 1 - this / other,
}
_TOLERANCE = 0.03  # "50 % smaller" is acceptable for 51.3 %


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """Comparison stated in the guide.

    Attributes:
        checkpoint: compared checkpoint.
        other: checkpoint that it is compared with.
        metric: compared metric, a name in `METRICS`.
        kind: kind of comparison.
        value: claimed factor or fraction.
        where: place in the guide.
    """

    checkpoint: str
    other: str
    metric: str
    kind: RatioKind
    value: float
    where: str

    def from_the_guide(self) -> float:
        """Return the comparison recomputed from the guide's own figures."""
        return self._of(_claimed(self.checkpoint, self.metric), _claimed(self.other, self.metric))

    def from_facts(self) -> tuple[float, ...]:
        """Return the comparison recomputed from the catalogue, the architectures and published figures.

        Every published table with both checkpoints under equal conditions counts; empty if there is none.
        """
        published = (
            (this.value, other.value) for this, other in published_pairs(self.checkpoint, self.other, self.metric)
        )
        return tuple(self._of(this, other) for this, other in (*_exact_pair(self), *published))

    @property
    def is_contradicted(self) -> bool:
        """Whether the claim is outside the range of the facts or, without any, of the guide's own figures."""
        found = self.from_facts() or (self.from_the_guide(),)
        low, high = min(found) * (1 - _TOLERANCE), max(found) * (1 + _TOLERANCE)
        return not low <= self.value <= high

    def _of(self, this: float, other: float) -> float:
        return _FORMULAS[self.kind](this, other)


def _claimed(checkpoint: str, metric: str) -> float:
    return claims_for(checkpoint, metric)[0].low


def _exact_parameters(checkpoint: str) -> float | None:
    return VARIANTS[find(checkpoint).variant].parameters


def _exact_size(checkpoint: str) -> float | None:
    return find(checkpoint).size_bytes


# Metrics known exactly from the catalogue and the architectures.
_EXACT: Mapping[str, Callable[[str], float | None]] = {"parameters": _exact_parameters, "file_bytes": _exact_size}

# The guide's IoU names neither data nor prompt, so any published quality metric counts.
_EVIDENCE: Mapping[str, tuple[str, ...]] = {"mean_iou": ("mean_iou", "centre_click_iou", "coco_ap", "lvis_ap")}


def _exact_pair(ratio: Ratio) -> Iterable[tuple[float, float]]:
    """Yield the exact values of both checkpoints, if both are known."""
    if exact := _EXACT.get(ratio.metric):
        this, other = exact(ratio.checkpoint), exact(ratio.other)
        if this is not None and other is not None:
            yield this, other


def published_pairs(checkpoint: str, other: str, metric: str) -> Iterable[tuple[Figure, Figure]]:
    """Yield the figures of both checkpoints from every published table with both under equal conditions.

    Args:
        checkpoint: catalogue name.
        other: catalogue name of the checkpoint that it is compared with.
        metric: name in `PUBLISHED_METRICS`.
    """
    for evidence in _EVIDENCE.get(metric, (metric,)):
        for this in published_for(checkpoint, evidence):
            for that in published_for(other, evidence, this.source):
                if that.conditions == this.conditions:
                    yield this, that


_H, _L, _B, _YOLO11 = "sam_vit_h", "sam_vit_l", "sam_vit_b", "yolo11n-seg"
_TABLE_L, _TABLE_B = "section 3, Performance Comparison", "section 4, Performance Comparison"
_KEY = "section 5, Key Insight"


def _row(checkpoint: str, other: str, metric: str, kind: RatioKind, value: float, where: str) -> Ratio:
    return Ratio(checkpoint=checkpoint, other=other, metric=metric, kind=kind, value=value, where=where)


RATIOS: tuple[Ratio, ...] = (
    _row(_L, _H, "prompt_seconds", "less time", 0.27, "section 3, Inference Speed"),
    _row(_L, _H, "file_bytes", "fewer", 0.50, "section 3, Memory Requirements"),
    _row(_L, _H, "mean_iou", "lower", 0.023, _TABLE_L),
    _row(_L, _H, "prompt_seconds", "more throughput", 0.375, _TABLE_L),
    _row(_L, _H, "parameters", "fewer", 0.516, _TABLE_L),
    _row(_B, _H, "prompt_seconds", "times faster", 2.2, "section 4, Inference Speed"),
    _row(_B, _L, "prompt_seconds", "times faster", 1.6, "section 4, Inference Speed"),
    _row(_B, _H, "file_bytes", "times smaller", 6.4, "section 4, Memory Requirements"),
    _row(_B, _H, "mean_iou", "lower", 0.057, _TABLE_B),
    _row(_B, _H, "prompt_seconds", "more throughput", 1.20, _TABLE_B),
    _row(_B, _H, "parameters", "fewer", 0.857, _TABLE_B),
    _row(_YOLO11, _B, "file_bytes", "times smaller", 13.2, _KEY),
    _row(_YOLO11, _B, "everything_seconds", "times faster", 864, _KEY),
    _row(_L, _H, "mean_iou", "lower", 0.02, "section 6, Cost-Benefit Analysis"),
)
