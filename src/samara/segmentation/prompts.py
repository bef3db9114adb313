"""Prompts: what one object is asked for with, validated on construction, in the original frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from samara.errors import PromptError

Numbers: TypeAlias = npt.ArrayLike
"""Anything numpy makes an array of numbers from: nested lists, arrays, CPU tensors."""

# Detectors report boxes, and people click, up to a rounding error outside the image.
TOLERANCE_PX = 1.0


@dataclass(frozen=True, eq=False, init=False, slots=True)
class Prompt:
    """The prompt of one object: points, a box, mask logits, in any mixture.

    Attributes:
        points_xy: (P, 2) float64, (x, y) in pixels of the original image; P = 0 without points.
        point_labels: (P,) int64, 1 foreground, 0 background.
        box_xyxy: (4,) float64 in pixels of the original image, exclusive right and bottom, or None.
        mask_logits: (4h, 4w) float32 low-res logits of an earlier prediction, or None.
    """

    points_xy: npt.NDArray[np.float64]
    point_labels: npt.NDArray[np.int64]
    box_xyxy: npt.NDArray[np.float64] | None
    mask_logits: npt.NDArray[np.float32] | None

    def __init__(
        self,
        points: Numbers | None = None,
        labels: Numbers | None = None,
        box: Numbers | None = None,
        mask_logits: Numbers | None = None,
    ) -> None:
        """Check and convert.

        Args:
            points: (P, 2), or (2,) for one point.
            labels: (P,); all foreground when left out.
            box: (4,).
            mask_logits: (4h, 4w), leading axes of length 1 allowed.

        Raises:
            PromptError: nothing given, NaN, a wrong shape or label, or a box without area.
        """
        if points is None and box is None and mask_logits is None:
            raise PromptError("the prompt is empty; give points, a box or mask logits")
        points_xy = np.zeros((0, 2)) if points is None else _points(points)
        checked = {
            "points_xy": points_xy,
            "point_labels": _labels(labels, len(points_xy)),
            "box_xyxy": None if box is None else _box(box),
            "mask_logits": None if mask_logits is None else _mask_logits(mask_logits),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def is_ambiguous(self) -> bool:
        """Whether the prompt is a single foreground point, which may mean the whole, a part or a subpart."""
        return (
            len(self.points_xy) == 1
            and self.point_labels[0] == 1
            and self.box_xyxy is None
            and self.mask_logits is None
        )

    def check_inside(self, size_hw: tuple[int, int]) -> None:
        """Raise PromptError if a point or box leaves an image of this size by more than a pixel."""
        H, W = size_hw  # noqa: N806
        limit = np.array([W, H]) + TOLERANCE_PX
        for x, y in self.points_xy:
            if not (-TOLERANCE_PX <= x < limit[0] and -TOLERANCE_PX <= y < limit[1]):
                raise PromptError(
                    f"point ({x:g}, {y:g}) lies outside the image, which is {W} wide and {H} high; "
                    "points are (x, y) in pixels of the original image"
                )
        if self.box_xyxy is not None:
            x0, y0, x1, y1 = self.box_xyxy
            if min(x0, y0) < -TOLERANCE_PX or x1 > limit[0] or y1 > limit[1]:
                raise PromptError(
                    f"box [{x0:g}, {y0:g}, {x1:g}, {y1:g}] leaves the image, which is {W} wide and {H} high; "
                    "boxes are [x0, y0, x1, y1] in pixels of the original image; clip it if it is meant so"
                )


def _numbers(values: Any, what: str) -> npt.NDArray[np.float64]:  # Any: whatever the user passed
    """Convert to float64, refusing what is not a finite number."""
    if hasattr(values, "detach"):  # a torch tensor, perhaps on a GPU or with gradients
        values = values.detach().cpu()
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PromptError(f"{what} must be numbers in a regular array, got {values!r:.80}") from error
    if not np.isfinite(array).all():
        raise PromptError(f"{what} hold NaN or infinity; give finite pixel coordinates")
    return array


def _points(points: Any) -> npt.NDArray[np.float64]:  # Any: whatever the user passed
    array = _numbers(points, "points")
    if array.shape == (2,):
        array = array[None]
    if array.ndim != 2 or array.shape[1] != 2 or array.shape[0] == 0:
        raise PromptError(f"points of one object must have shape (P, 2) with P at least 1, got {array.shape}")
    return array


def _labels(labels: Any, count: int) -> npt.NDArray[np.int64]:  # Any: whatever the user passed
    if labels is None:
        return np.ones(count, dtype=np.int64)
    if count == 0:
        raise PromptError("labels were given without points; give one point for each label")
    array = _numbers(labels, "labels").reshape(-1)
    if len(array) != count:
        raise PromptError(f"{count} points and {len(array)} labels; give one label for each point")
    if not np.isin(array, (0, 1)).all():
        raise PromptError(f"labels must be 1 (foreground) or 0 (background), got {array.tolist()}")
    return array.astype(np.int64)


def _box(box: Any) -> npt.NDArray[np.float64]:  # Any: whatever the user passed
    array = _numbers(box, "box")
    if array.size != 4:
        raise PromptError(f"a box must be four numbers [x0, y0, x1, y1], got shape {array.shape}")
    x0, y0, x1, y1 = array = array.reshape(4)
    if x1 <= x0 or y1 <= y0:
        raise PromptError(
            f"box [{x0:g}, {y0:g}, {x1:g}, {y1:g}] has no area; boxes are [x0, y0, x1, y1]"
            + (
                f", and this one looks like [x, y, width, height]: [{x0:g}, {y0:g}, {x0 + x1:g}, {y0 + y1:g}]"
                if x1 > 0 and y1 > 0
                else ""
            )
        )
    return array


def _mask_logits(logits: Any) -> npt.NDArray[np.float32]:  # Any: whatever the user passed
    numbers = _numbers(logits, "mask logits")
    if np.abs(numbers).max(initial=0.0) > np.finfo(np.float32).max:
        raise PromptError("mask logits are beyond the range of float32; give low_res_logits of an earlier prediction")
    array = numbers.astype(np.float32)
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 2:
        raise PromptError(f"mask logits of one object must have shape (4h, 4w), got {np.shape(logits)}")
    return array


def as_prompts(
    points: Any = None,  # Any: nested sequences of numbers, arrays or tensors, see below
    labels: Any = None,
    boxes: Any = None,
    mask_logits: Any = None,
) -> list[Prompt]:
    """Read the usual array forms as a list of prompts, one per object.

    Args:
        points: (2,) or (P, 2) for one object, (N, P, 2) for N objects, or a sequence of N arrays (P_i, 2).
        labels: (P,) for one object, (N, P) for N, or a sequence of N arrays; all foreground when left out.
        boxes: (4,) for one object, (N, 4) for N.
        mask_logits: (4h, 4w) for one object, (N, 4h, 4w) or (N, 1, 4h, 4w) for N.

    Raises:
        PromptError: nothing given, or kinds that disagree about N.
    """
    several = {
        "points": _per_object(points, depth=2),
        "labels": _per_object(labels, depth=1),
        "boxes": _per_object(boxes, depth=1),
        "mask_logits": _per_object(mask_logits, depth=2),
    }
    given = {name: values for name, values in several.items() if values is not None}
    if not given:
        raise PromptError("no prompt was given; give points, boxes or mask_logits")
    counts = {name: len(values) for name, values in given.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} for {count}" for name, count in counts.items())
        raise PromptError(f"the prompts disagree about the number of objects: {told}")
    if 0 in counts.values():
        raise PromptError(f"{' and '.join(counts)} are empty; leave an unused kind of prompt out")
    columns = [given.get(name) or [None] * next(iter(counts.values())) for name in several]
    return [Prompt(*column) for column in zip(*columns, strict=True)]


def _per_object(values: Any, depth: int) -> Sequence[Any] | None:  # Any: whatever the user passed
    """Split into one entry per object, where one object's values nest `depth` deep."""
    if values is None:
        return None
    nested = _depth(values)
    if nested > 0 and len(values) == 0:
        return []
    if nested <= depth:
        return [values]
    if nested == depth + 2 and depth == 2 and all(_depth(value) and len(value) == 1 for value in values):
        return [value[0] for value in values]  # mask logits as (N, 1, 4h, 4w)
    if nested == depth + 1:
        return list(values)
    raise PromptError(f"a prompt is nested {nested} deep; at most {depth + 1} is understood, for several objects")


def _depth(values: Any) -> int:  # Any: whatever the user passed
    """Depth of nesting, also of ragged sequences that have no array shape."""
    if hasattr(values, "ndim"):
        return int(values.ndim)
    if isinstance(values, Sequence) and not isinstance(values, str):
        return 1 + max((_depth(value) for value in values), default=0)
    return 0
