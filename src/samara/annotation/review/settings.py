"""When a mask is doubtful. Importing this loads nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from samara.errors import SettingsError

TaskFormat = Literal["label-studio", "label-studio-polygons", "coco", "coco-polygons"]
"""Formats of tasks in which corrections can be taken back."""


@dataclass(frozen=True, kw_only=True)
class ReviewSettings:
    """When a mask deserves a look. Each limit is a rule of thumb; what a store does not record is never doubtful.

    Attributes:
        predicted_iou: doubt masks with a predicted IoU below this; None for at most 0.7 and at most a quarter of the
            masks, see `samara.annotation.review.limits`.
        stability: doubt masks with a stability score below this; None for at most 0.8 and at most a quarter of the
            masks.
        answer_iou: doubt masks if two of the three answers to their prompt have an IoU below this.
        outside_box: doubt masks with more than this share outside the box of their prompt.
        box_filled: doubt masks that fill less than this share of their box.
        twin_iou: doubt masks whose IoU with another one of the image is above this, at least 0.8.
        parts: doubt masks with more parts than this.
        min_area: doubt masks with fewer pixels than this.
        most: write at most this many images, the most doubtful ones; None for all.

    Raises:
        SettingsError: a value is out of range.
    """

    predicted_iou: float | None = None
    stability: float | None = None
    answer_iou: float = 0.3
    outside_box: float = 0.1
    box_filled: float = 0.25
    twin_iou: float = 0.9
    parts: int = 3
    min_area: int = 1
    most: int | None = None

    def __post_init__(self) -> None:
        for name, least in _SHARES.items():
            if getattr(self, name) is not None and not least <= getattr(self, name) <= 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must lie between {least:g} and 1")
        for name, least in _COUNTS.items():
            if getattr(self, name) is not None and getattr(self, name) < least:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be at least {least}")


# The least value of each limit.
_SHARES = {"predicted_iou": 0, "stability": 0, "answer_iou": 0, "outside_box": 0, "box_filled": 0, "twin_iou": 0.8}
_COUNTS = {"parts": 0, "min_area": 0, "most": 1}
