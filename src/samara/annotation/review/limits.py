"""The limits of predicted IoU and stability that suit a store: fixed ones, unless too many masks are below them.

Checkpoints differ in how high they score their masks, and masks of everything score lower than masks of prompts. A
fixed limit alone would doubt nearly all masks of some stores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from samara.annotation.review.settings import ReviewSettings
from samara.annotation.store.store import AnnotationStore

if TYPE_CHECKING:
    import pyarrow as pa

MOST_SHARE, MOST_OF_FEW = 0.25, 20
"""Share of the masks that may be below a limit, and how many may always be."""

_BINS = 2000


@dataclass(frozen=True)
class _Usual:
    """Where the limit of a score comes from.

    Attributes:
        column: column of the score in the mask table.
        limit: the limit, unless too many masks are below it.
    """

    column: str
    limit: float


USUAL: Mapping[str, _Usual] = {
    "predicted_iou": _Usual("predicted_iou", 0.7),
    "stability": _Usual("stability_score", 0.8),
}
"""The limits of `ReviewSettings` that depend on the store."""


def limits_of(store: AnnotationStore, settings: ReviewSettings) -> ReviewSettings:
    """Return settings with all limits filled in, from the scores of all masks of a store."""
    unset = [name for name in USUAL if getattr(settings, name) is None]
    if not unset:
        return settings
    counts = _counts(store.mask_columns([USUAL[name].column for name in unset]), unset)
    found = {name: _limit(counts[name], USUAL[name].limit) for name in unset}
    return replace(
        settings,
        predicted_iou=found.get("predicted_iou", settings.predicted_iou),
        stability=found.get("stability", settings.stability),
    )


def _counts(tables: Iterable[pa.Table], names: list[str]) -> dict[str, npt.NDArray[np.int64]]:
    """Count the scores of each name in bins from 0 to 1; scores outside count in the outermost ones."""
    counts = {name: np.zeros(_BINS, np.int64) for name in names}
    for table in tables:
        for name in names:
            scores = np.asarray(table.column(USUAL[name].column).to_numpy(zero_copy_only=False), np.float64)
            bins = np.clip(scores[~np.isnan(scores)] * _BINS, 0, _BINS - 1).astype(np.int64)
            counts[name] += np.bincount(bins, minlength=_BINS)
    return counts


def _limit(counts: npt.NDArray[np.int64], usual: float) -> float:
    """Return the highest limit, up to the usual one, that not too many scores are below."""
    allowed = max(MOST_SHARE * counts.sum(), MOST_OF_FEW)
    bins = int(np.searchsorted(np.cumsum(counts), allowed, side="right"))
    return min(usual, bins / _BINS)
