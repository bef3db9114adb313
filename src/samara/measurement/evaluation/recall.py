"""Average recall: how many objects everything that was found contains, and how exactly.

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
"""IoU from which an object counts as found."""

MAX_MASKS = 1000
"""Masks that count, those with the highest predicted IoU."""

# COCO's tolerance, so that an IoU of exactly a threshold counts in spite of rounding.
_ROUNDING = 1e-10


def recall_of_objects(objects: Sequence[Rle], found: MaskSet) -> npt.NDArray[np.float64]:
    """Tell how exactly each object of an image was found.

    Masks choose in order of falling predicted IoU; each takes the free object with which its IoU is highest, if it
    reaches the threshold.

    Args:
        objects: N of them, without crowds.
        found: any number of masks, in any order.

    Returns:
        (N,) fraction of `THRESHOLDS` at which the object was found; its mean over the objects of all images is the
        average recall.
    """
    best = np.argsort(-found.predicted_iou, kind="stable")[:MAX_MASKS]
    iou = mask_iou([found.rles[index] for index in best], objects)  # (M, N)
    iou = iou[(iou >= THRESHOLDS[0] - _ROUNDING).any(1)]
    return np.asarray(np.mean([_found(iou, threshold) for threshold in THRESHOLDS], axis=0), np.float64)


def _found(iou: npt.NDArray[np.float64], threshold: float) -> npt.NDArray[np.bool_]:
    """Which objects (N,) are taken by a mask, from (M, N) in the order in which masks choose."""
    taken = np.zeros(iou.shape[1], bool)
    for of_mask in iou:
        free = np.where(taken, -1.0, of_mask)
        # COCO takes the last of several that are equally good.
        choice = len(free) - 1 - int(free[::-1].argmax())
        if free[choice] >= threshold - _ROUNDING:
            taken[choice] = True
    return taken
