"""Non-maximum suppression of boxes, like torchvision's, and of masks.

Boxes are cheap and used by the official generator. Masks are more precise: a duplicate with a stray speck is
recognised, and two objects with the same box are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from samara.errors import SettingsError
from samara.masks.overlap import (
    areas_of,
    boxes_of_rles,
    mask_intersection,
    pixels_shared_by_boxes,
    require_one_size,
)
from samara.masks.rle import Rle

# Number of kept boxes between compactions of the remaining ones.
_ROUNDS = 256

# How far an IoU in float32 can be from the exact one, and more.
_ROUNDING = 1e-5


def box_nms(boxes_xyxy: ArrayLike, scores: ArrayLike, iou_threshold: float) -> NDArray[np.int64]:
    """Keep the best among boxes that overlap too much.

    The best box is kept, all others whose IoU with it is above the threshold are dropped, and so on.
    Equal to `torchvision.ops.nms` on a CPU to the last bit: float32 IoU against a float64 threshold.

    Args:
        boxes_xyxy: (M, 4), cast to float32; any one frame. Boxes without area suppress nothing.
        scores: (M,); of equal ones the earlier counts as better, NaN is worst.
        iou_threshold: in [0, 1].

    Returns:
        (K,) indices of the boxes kept, in the order of descending score.

    Raises:
        SettingsError: the shapes do not match, a coordinate is not finite, or the threshold is
            outside [0, 1].
    """
    _require_fraction(iou_threshold, "IoU threshold")
    boxes = _boxes(boxes_xyxy)
    order = _best_first(scores, boxes.shape[0])
    kept: list[int] = []
    while order.size:
        # (4, K) and contiguous: every comparison below runs along one coordinate.
        waiting = np.ascontiguousarray(boxes[order].T)
        alive = np.ones(order.size, np.bool_)
        last = _suppress(waiting, alive, iou_threshold)
        kept += order[:last][alive[:last]].tolist()
        order = order[last:][alive[last:]]
    return np.array(kept, np.int64)


def _suppress(boxes: NDArray[np.float32], alive: NDArray[np.bool_], iou_threshold: float) -> int:
    """Let the first boxes suppress later ones in `alive`; return how many boxes were processed."""
    areas = _pixels(boxes)
    threshold = np.float64(iou_threshold)
    rounds = 0
    count = int(alive.size)
    for index in range(count):
        if not alive[index]:
            continue
        if rounds == _ROUNDS:
            return index
        rounds += 1
        later = slice(index + 1, None)
        similar = _similar(boxes[:, later], areas[later], boxes[:, index], areas[index], threshold)
        alive[similar + index + 1] = False
    return count


class GreedyBoxNms:
    """`box_nms` one box at a time, the best first, for boxes that are costly to know exactly.

    Args:
        iou_threshold: in [0, 1].

    Raises:
        SettingsError: the threshold is outside [0, 1].
    """

    def __init__(self, iou_threshold: float) -> None:
        _require_fraction(iou_threshold, "IoU threshold")
        self.threshold = np.float64(iou_threshold)
        self._boxes = np.empty((4, 0), np.float32)
        self._areas = np.empty(0, np.float32)

    def suppresses(self, box_xyxy: NDArray[np.float32]) -> bool:
        """Return whether a box (4,) overlaps too much with one that was kept."""
        area = _pixels(box_xyxy[:, None])[0]
        return bool(_similar(self._boxes, self._areas, box_xyxy, area, self.threshold).size)

    def surely_suppresses(self, inner_xyxy: NDArray[np.float32], outer_xyxy: NDArray[np.float32]) -> bool:
        """Return whether every box that contains the inner one and is contained in the outer one is suppressed."""
        inner, outer = inner_xyxy[:, None].astype(np.float64), outer_xyxy[:, None].astype(np.float64)
        size = np.minimum(self._boxes[2:], inner[2:]) - np.maximum(self._boxes[:2], inner[:2])
        common = size.clip(0).prod(0)
        union = _pixels(outer) + self._areas - common
        return bool((common > (self.threshold + _ROUNDING) * union).any())

    def keep(self, box_xyxy: NDArray[np.float32]) -> None:
        """Let a box (4,) suppress those that follow."""
        self._boxes = np.concatenate([self._boxes, box_xyxy[:, None]], axis=1)
        self._areas = np.append(self._areas, _pixels(box_xyxy[:, None]))


def _similar(
    boxes: NDArray[np.float32],
    areas: NDArray[np.float32],
    box: NDArray[np.float32],
    area: np.float32,
    threshold: np.float64,
) -> NDArray[np.int64]:
    """Return the indices of boxes (4, K) whose IoU with one box (4,) is above the threshold."""
    left, top, right, bottom = boxes
    touching = (left < box[2]) & (right > box[0])
    touching &= (top < box[3]) & (bottom > box[1])
    near = np.flatnonzero(touching)
    width = np.minimum(right[near], box[2]) - np.maximum(left[near], box[0])
    height = np.minimum(bottom[near], box[3]) - np.maximum(top[near], box[1])
    common = width * height
    union = area + areas[near] - common
    # Two boxes without area are 0 / 0, which is not above any threshold.
    iou = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    similar: NDArray[np.int64] = near[iou.astype(np.float64) > threshold]
    return similar


def _pixels(boxes: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Return the areas of boxes (4, K)."""
    areas: NDArray[np.floating[Any]] = (boxes[2] - boxes[0]) * (boxes[3] - boxes[1])
    return areas


def mask_nms(
    rles: Sequence[Rle],
    scores: ArrayLike,
    *,
    iou_threshold: float | None = 0.9,
    containment_threshold: float | None = None,
) -> NDArray[np.int64]:
    """Keep the best among masks that are nearly equal or, optionally, contained in each other.

    Empty masks are always dropped, since nothing could suppress them.

    Args:
        rles: M masks of one image.
        scores: (M,); of equal ones the earlier counts as better, NaN is worst.
        iou_threshold: drop a mask whose IoU with a better kept one exceeds this; in [0, 1], or None for never.
        containment_threshold: drop a mask if it and a better kept one share more than this fraction of the smaller of
            the two; in [0, 1], or None for never. Also drops parts of objects.

    Returns:
        (K,) indices of the masks kept, in the order of descending score.

    Raises:
        SettingsError: the shapes do not match, the masks have different sizes, or a threshold is
            outside [0, 1].
    """
    for threshold, name in (
        (iou_threshold, "IoU threshold"),
        (containment_threshold, "containment threshold"),
    ):
        if threshold is not None:
            _require_fraction(threshold, name)
    require_one_size(rles)
    areas, boxes = areas_of(rles), boxes_of_rles(rles)
    order = _best_first(scores, len(rles))
    order = order[areas[order] > 0]
    kept: list[int] = []
    while order.size:
        best, order = int(order[0]), order[1:]
        kept.append(best)
        # The overlap of the boxes bounds that of the masks, which leaves few pairs to compare.
        most = np.minimum(pixels_shared_by_boxes(boxes[best], boxes[order]), np.minimum(areas[best], areas[order]))
        near = _too_similar(most, areas[best], areas[order], iou_threshold, containment_threshold)
        suspects = np.flatnonzero(near)
        if suspects.size:
            common = mask_intersection([rles[best]], [rles[index] for index in order[suspects]])[0]
            near[suspects] = _too_similar(
                common, areas[best], areas[order[suspects]], iou_threshold, containment_threshold
            )
            order = order[~near]
    return np.array(kept, np.int64)


def _too_similar(
    common: NDArray[np.int64],
    area: np.int64,
    areas: NDArray[np.int64],
    iou_threshold: float | None,
    containment_threshold: float | None,
) -> NDArray[np.bool_]:
    similar = np.zeros(areas.size, np.bool_)
    if iou_threshold is not None:
        similar |= common / (area + areas - common) > iou_threshold
    if containment_threshold is not None:
        similar |= common / np.minimum(area, areas) > containment_threshold
    return similar


def _best_first(scores: ArrayLike, count: int) -> NDArray[np.int64]:
    values = np.asarray(scores, np.float64)
    if values.shape != (count,):
        raise SettingsError(f"{count} boxes or masks need as many scores; the array given is {values.shape}.")
    return np.argsort(-values, kind="stable")


def _boxes(boxes_xyxy: ArrayLike) -> NDArray[np.float32]:
    boxes = np.asarray(boxes_xyxy, np.float32)
    if boxes.size == 0:
        return np.empty((0, 4), np.float32)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not np.isfinite(boxes).all():
        raise SettingsError(f"Boxes must be an array (M, 4) of finite numbers; the array given is {boxes.shape}.")
    return boxes


def _require_fraction(value: float, name: str) -> None:
    if not 0 <= value <= 1:
        raise SettingsError(f"The {name} must lie between 0 and 1, not {value}.")
