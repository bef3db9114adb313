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
        predicted_iou: doubtful with a lower predicted IoU.
        stability: doubtful with a lower stability score.
        answer_iou: doubtful if two of the three answers to its prompt have a lower IoU.
        outside_box: doubtful with a larger share outside the box of its prompt.
        box_filled: doubtful if it fills a smaller share of that box.
        twin_iou: doubtful with a higher IoU with another mask of the image, at least 0.8.
        parts: doubtful with more parts.
        min_area: doubtful with fewer pixels.
        most: write at most this many images, the most doubtful ones; None for all.

    Raises:
        SettingsError: a value is out of range.
    """

    predicted_iou: float = 0.7
    stability: float = 0.8
    answer_iou: float = 0.3
    outside_box: float = 0.1
    box_filled: float = 0.25
    twin_iou: float = 0.9
    parts: int = 3
    min_area: int = 1
    most: int | None = None

    def __post_init__(self) -> None:
        for name, least in _SHARES.items():
            if not least <= getattr(self, name) <= 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must lie between {least:g} and 1")
        for name, least in _COUNTS.items():
            if getattr(self, name) is not None and getattr(self, name) < least:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be at least {least}")


# The least value of each limit.
_SHARES = {"predicted_iou": 0, "stability": 0, "answer_iou": 0, "outside_box": 0, "box_filled": 0, "twin_iou": 0.8}
_COUNTS = {"parts": 0, "min_area": 0, "most": 1}
