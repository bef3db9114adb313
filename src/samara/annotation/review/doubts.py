"""Which masks deserve a look first, and why, from the columns of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from samara.annotation.review.settings import ReviewSettings
from samara.annotation.store.rows import ImageRow

if TYPE_CHECKING:
    import pyarrow as pa

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reason:
    """One reason to doubt a mask.

    Attributes:
        column: column of the mask table with the value.
        limit: field of `ReviewSettings` with the limit.
        is_low: whether values below the limit are doubtful; otherwise those above.
        title: short name.
        text: description of a mask, with its value.
        needs: what a mask must have for it to apply: "box", "prompt" or nothing.
    """

    column: str
    limit: str
    is_low: bool
    title: str
    text: str
    needs: str = ""

    def severity(self, values: FloatArray, limits: ReviewSettings) -> FloatArray:
        """Return how far values (M,) are beyond the limit: 0 within it or unknown (NaN), up to 1 at the worst value."""
        limit = float(getattr(limits, self.limit))
        if self.is_low:
            beyond = (limit - values) / max(limit, 1e-9)
        elif limit < 1:
            beyond = (values - limit) / (1 - limit)
        else:
            beyond = 1 - limit / np.maximum(values, 1e-9)
        return np.asarray(np.nan_to_num(beyond, nan=0.0).clip(0, 1))


REASONS: tuple[Reason, ...] = (
    Reason("predicted_iou", "predicted_iou", True, "low predicted IoU", "predicted IoU {:.2f}"),
    Reason("stability_score", "stability", True, "low stability", "stability {:.2f}"),
    Reason("answer_iou", "answer_iou", True, "answers disagree", "two of three answers have IoU {:.2f}", "prompt"),
    Reason("outside_box", "outside_box", False, "leaks out of its box", "{:.0%} outside its box", "box"),
    Reason("box_filled", "box_filled", True, "fills little of its box", "fills {:.0%} of its box", "box"),
    Reason("twin_iou", "twin_iou", False, "near duplicate", "IoU {:.2f} with another mask"),
    Reason("parts", "parts", False, "many parts", "{:.0f} parts"),
    Reason("area", "min_area", True, "empty", "{:.0f} pixels"),
)
"""All reasons, in the order in which they are told."""

NO_MASK = "no mask"
"""Title of the reason to doubt an image without masks."""

COLUMNS = [*dict.fromkeys([reason.column for reason in REASONS]), "made_by", "prompt_kind"]
"""Columns of the mask table that doubts depend on."""


@dataclass(frozen=True, eq=False)
class Doubts:
    """The doubts about M masks.

    Attributes:
        severity: (M, R) in [0, 1], by mask and reason of `REASONS`; 0 for no doubt.
        values: (M, R) the values; NaN where the store has none.
    """

    severity: FloatArray
    values: FloatArray

    @property
    def scores(self) -> FloatArray:
        """(M,) sum over the reasons: several reasons count more than one."""
        return np.asarray(self.severity.sum(1))

    def titles(self, index: int) -> list[str]:
        """Return the short names of the reasons to doubt a mask."""
        return [reason.title for reason, far in zip(REASONS, self.severity[index], strict=True) if far]

    def texts(self, index: int) -> list[str]:
        """Describe the reasons to doubt a mask, with their values, the worst first."""
        order = np.argsort(-self.severity[index], kind="stable")
        return [REASONS[one].text.format(self.values[index, one]) for one in order if self.severity[index, one]]


def doubts_of(table: pa.Table, limits: ReviewSettings) -> Doubts:
    """Find the doubts about masks; there are none about those that a person made.

    Args:
        table: the masks, with `COLUMNS`.
        limits: the result of `limits_of`.
    """
    values = np.stack([_numbers(table, reason.column) for reason in REASONS], axis=1)
    severity = np.stack([reason.severity(values[:, place], limits) for place, reason in enumerate(REASONS)], axis=1)
    by_person = np.array([maker is not None for maker in table.column("made_by").to_pylist()], bool)
    severity[by_person] = 0
    return Doubts(severity, values)


def _numbers(table: pa.Table, column: str) -> FloatArray:
    """Return a column as (M,) float64, NaN for null."""
    return np.asarray(table.column(column).to_numpy(zero_copy_only=False), np.float64)


@dataclass(frozen=True)
class DoubtfulImage:
    """An image that deserves a look.

    Attributes:
        image_id: its id in the store.
        path: its path in the store.
        score: the score of its worst mask, and a tenth of those of the others.
        reasons: number of masks by reason.
        worst: texts about its worst mask.
        doubtful: number of doubtful masks.
    """

    image_id: int
    path: str
    score: float
    reasons: Mapping[str, int]
    worst: Sequence[str]
    doubtful: int

    @property
    def text(self) -> str:
        """Describe the doubts in one line."""
        if NO_MASK in self.reasons:
            return "no mask was found"
        counted = ", ".join(f"{count} × {title}" for title, count in self.reasons.items())
        return f"{counted}; the worst: {', '.join(self.worst)}"


def doubt_of_image(image: ImageRow, table: pa.Table, limits: ReviewSettings) -> DoubtfulImage | None:
    """Return the doubts about an image with its masks, see `doubts_of`; None if there are none."""
    if not len(table):
        return DoubtfulImage(image.image_id, image.path, 1.0, {NO_MASK: 1}, (), 0)
    doubts = doubts_of(table, limits)
    scores = doubts.scores
    worst = int(scores.argmax())
    if not scores[worst]:
        return None
    counts = (doubts.severity > 0).sum(0)
    reasons = {reason.title: int(count) for reason, count in zip(REASONS, counts, strict=True) if count}
    score = float(0.9 * scores[worst] + 0.1 * scores.sum())
    return DoubtfulImage(
        image.image_id, image.path, score, reasons, tuple(doubts.texts(worst)), int((scores > 0).sum())
    )
