"""Prompts of single objects in the original frame, validated on construction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from samara.errors import PromptError

Numbers: TypeAlias = npt.ArrayLike
"""Anything that numpy converts to an array of numbers: nested lists, arrays, CPU tensors."""

# Boxes of detectors and clicks may exceed the image by a rounding error.
TOLERANCE_PX = 1.0


@dataclass(frozen=True, eq=False, init=False, slots=True)
class Prompt:
    """Prompt of one object: points, a box and mask logits in any combination.

    Attributes:
        points_xy: (P, 2) float64, (x, y) in pixels of the original image; P = 0 without points.
        point_labels: (P,) int64, 1 foreground, 0 background.
        box_xyxy: (4,) float64 in pixels of the original image, right and bottom exclusive, or None.
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
            labels: (P,); default all foreground.
            box: (4,).
            mask_logits: (4h, 4w), with optional leading axes of length 1.

        Raises:
            PromptError: The prompt is empty, has NaN, a wrong shape or label, or a box without area.
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
        """Raise PromptError if a point or box exceeds an image of this size by more than a pixel."""
        H, W = size_hw  # noqa: N806
        limit = np.array([W, H]) + TOLERANCE_PX
        for x, y in self.points_xy:
            if not (-TOLERANCE_PX <= x < limit[0] and -TOLERANCE_PX <= y < limit[1]):
                raise PromptError(
                    f"point ({x:g}, {y:g}) is outside the image, which is {W} wide and {H} high; "
                    "points are (x, y) in pixels of the original image"
                )
        if self.box_xyxy is not None:
            x0, y0, x1, y1 = self.box_xyxy
            if min(x0, y0) < -TOLERANCE_PX or x1 > limit[0] or y1 > limit[1]:
                raise PromptError(
                    f"box [{x0:g}, {y0:g}, {x1:g}, {y1:g}] exceeds the image, which is {W} wide and {H} high; "
                    "boxes are [x0, y0, x1, y1] in pixels of the original image; clip it if this is intended"
                )


def _numbers(values: Any, what: str) -> npt.NDArray[np.float64]:  # Any: whatever the user passed
    """Convert to float64; raise PromptError for anything but finite numbers."""
    if hasattr(values, "detach"):  # a torch tensor, possibly on a GPU or with gradients
        values = values.detach().cpu()
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise PromptError(f"{what} must be numbers in a regular array, got {values!r:.80}") from error
    if not np.isfinite(array).all():
        raise PromptError(f"NaN or infinity in {what}; give finite numbers")
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
                f", but this one looks like [x, y, width, height]: [{x0:g}, {y0:g}, {x0 + x1:g}, {y0 + y1:g}]"
                if x1 > 0 and y1 > 0
                else ""
            )
        )
    return array


def _mask_logits(logits: Any) -> npt.NDArray[np.float32]:  # Any: whatever the user passed
    numbers = _numbers(logits, "mask logits")
    if np.abs(numbers).max(initial=0.0) > np.finfo(np.float32).max:
        raise PromptError("mask logits exceed the range of float32; give low_res_logits of an earlier prediction")
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
    """Convert the usual array forms to a list of prompts, one per object.

    Args:
        points: (2,) or (P, 2) for one object, (N, P, 2) for N objects, or a sequence of N arrays (P_i, 2).
        labels: (P,) for one object, (N, P) for N, or a sequence of N arrays; default all foreground.
        boxes: (4,) for one object, (N, 4) for N.
        mask_logits: (4h, 4w) for one object, (N, 4h, 4w) or (N, 1, 4h, 4w) for N.

    Raises:
        PromptError: There is no prompt, or kinds differ in N.
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
        raise PromptError(f"the prompts have different numbers of objects: {told}")
    if 0 in counts.values():
        raise PromptError(f"{' and '.join(counts)} are empty; leave an unused kind of prompt out")
    columns = [given.get(name) or [None] * next(iter(counts.values())) for name in several]
    return [Prompt(*column) for column in zip(*columns, strict=True)]


def _per_object(values: Any, depth: int) -> Sequence[Any] | None:  # Any: whatever the user passed
    """Split into one entry per object; the values of one object are nested `depth` deep."""
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
    raise PromptError(f"a prompt is nested {nested} deep; the maximum is {depth + 1}, for several objects")


def _depth(values: Any) -> int:  # Any: whatever the user passed
    """Return the depth of nesting, including that of ragged sequences without an array shape."""
    if hasattr(values, "ndim"):
        return int(values.ndim)
    if isinstance(values, Sequence) and not isinstance(values, str):
        return 1 + max((_depth(value) for value in values), default=0)
    return 0
