"""Properties of the masks of one image that show which of them deserve a look: parts, fit to a box, near duplicates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from samara.masks.columns import columns_of, window_of
from samara.masks.overlap import areas_of, boxes_of_rles, mask_iou, pixels_shared_by_boxes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samara.masks.rle import Rle

TWIN_IOU = 0.8
"""Masks with a smaller IoU are not near duplicates."""

# Labels take four bytes per pixel of the window.
_MAX_PIXELS = 1 << 25


def count_parts(rle: Rle) -> int | None:
    """Count the 8-connected parts of a mask; None if the box around it has more than 2²⁵ pixels."""
    x0, y0, x1, y1 = rle.box_xyxy
    if (x1 - x0) * (y1 - y0) > _MAX_PIXELS:
        return None
    if not rle.area:
        return 0
    pixels = np.ascontiguousarray(window_of(rle)).view(np.uint8)
    return int(cv2.connectedComponents(pixels, connectivity=8)[0]) - 1


def area_in_box(rle: Rle, box_xyxy: Sequence[float]) -> int:
    """Count the pixels of a mask whose centre is in a box (x0, y0, x1, y1), in pixels."""
    x0, y0, x1, y1 = (math.ceil(side - 0.5) for side in box_xyxy)
    runs = columns_of(rle)
    heights = (np.minimum(runs.bottom, y1) - np.maximum(runs.top, y0)).clip(0)
    return int(heights[(runs.column >= x0) & (runs.column < x1)].sum())


def twin_iou(rles: Sequence[Rle]) -> NDArray[np.float64]:
    """Return the highest IoU of each mask with another one of the same image.

    Args:
        rles: M masks.

    Returns:
        (M,) in [0, 1]; 0 where it is less than `TWIN_IOU`.
    """
    highest = np.zeros(len(rles))
    order = np.argsort(areas_of(rles), kind="stable")
    areas, boxes = areas_of(rles)[order], boxes_of_rles(rles)[order]
    for place, area in enumerate(areas):
        # Sorted by area, so that an IoU of at least `TWIN_IOU` is possible only with the next few.
        end = int(np.searchsorted(areas, area / TWIN_IOU, side="right")) if area else place
        near = np.arange(place + 1, end)
        near = near[pixels_shared_by_boxes(boxes[place], boxes[near]) >= TWIN_IOU * areas[near]]
        if near.size:
            iou = mask_iou([rles[order[place]]], [rles[order[other]] for other in near])[0]
            iou[iou < TWIN_IOU] = 0.0
            highest[order[place]] = max(highest[order[place]], iou.max())
            highest[order[near]] = np.maximum(highest[order[near]], iou)
    return highest
