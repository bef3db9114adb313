"""Polygons as filled by readers that use OpenCV: fractions truncated, and the outline part of the area.

COCO's rule is in `polygons.py`. This one is coarser, and used by most readers of YOLO labels.

Source: the documentation of OpenCV's `fillPoly`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from samara.masks.columns import window_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from samara.masks.rle import Rle


def iou_of_filled(rle: Rle, polygons: Sequence[NDArray[np.float64]]) -> float:
    """Compare a mask with polygons that represent it.

    Args:
        rle: the mask.
        polygons: polygons, each (K, 2) of x, y in pixels, at least 0; together they form the object.

    Returns:
        The IoU in [0, 1]; 1 if both are empty.
    """
    corners = [polygon.astype(np.int32) for polygon in polygons if len(polygon)]
    left, top, right, bottom = rle.box_xyxy
    if corners:
        every = np.concatenate(corners)
        if rle.area == 0:
            left, top = every.min(0)
        left, top = np.minimum(every.min(0), (left, top))
        right, bottom = np.maximum(every.max(0) + 1, (right, bottom))
    filled = np.zeros((bottom - top, right - left), np.uint8)
    for polygon in corners:
        cv2.fillPoly(filled, [polygon - np.array([left, top], np.int32)], 1)
    mask = np.zeros(filled.shape, np.bool_)
    x0, y0, x1, y1 = rle.box_xyxy
    mask[y0 - top : y1 - top, x0 - left : x1 - left] = window_of(rle)
    union = int((mask | filled.view(np.bool_)).sum())
    return int((mask & filled.view(np.bool_)).sum()) / union if union else 1.0
