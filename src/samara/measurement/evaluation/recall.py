"""Average recall of automatic masks.

Source: COCO's `cocoeval.py` with `useCats = 0`, whose greedy matching this is; compared in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from samara.masks.mask_set import MaskSet
from samara.masks.overlap import mask_iou
from samara.masks.rle import Rle

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""IoU thresholds for an object to count as found."""

MAX_MASKS = 1000
"""Maximum number of masks, those with the highest predicted IoU."""

# COCO's tolerance, so that an IoU equal to a threshold counts despite rounding.
_ROUNDING = 1e-10


def recall_of_objects(objects: Sequence[Rle], found: MaskSet) -> npt.NDArray[np.float64]:
    """Compute how precisely each object of an image was found.

    In order of descending predicted IoU, each mask takes the free object with the highest IoU, if it reaches the
    threshold.

    Args:
        objects: N objects, without crowds.
        found: any number of masks, in any order.

    Returns:
        (N,) fraction of `THRESHOLDS` at which each object was found; the mean over the objects of all images is the
        average recall.
    """
    best = np.argsort(-found.predicted_iou, kind="stable")[:MAX_MASKS]
    iou = mask_iou([found.rles[index] for index in best], objects)  # (M, N)
    iou = iou[(iou >= THRESHOLDS[0] - _ROUNDING).any(1)]
    return np.asarray(np.mean([_found(iou, threshold) for threshold in THRESHOLDS], axis=0), np.float64)


def _found(iou: npt.NDArray[np.float64], threshold: float) -> npt.NDArray[np.bool_]:
    """Return which objects (N,) are matched, from IoUs (M, N) with masks in matching order."""
    taken = np.zeros(iou.shape[1], bool)
    for of_mask in iou:
        free = np.where(taken, -1.0, of_mask)
        # COCO takes the last of equally good objects.
        choice = len(free) - 1 - int(free[::-1].argmax())
        if free[choice] >= threshold - _ROUNDING:
            taken[choice] = True
    return taken
