"""Boundary IoU: agreement of the outlines of two masks, independent of their size.

Mask IoU tolerates a ragged outline of a large object, because the inside outweighs it. Boundary IoU compares only the
pixels near the outlines.

Source: Cheng et al. 2021, "Boundary IoU", section 4; the width is 2 % of the image's diagonal as proposed there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from samara.masks.overlap import require_one_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samara.masks.rle import Rle

WIDTH_OF_DIAGONAL = 0.02
"""Width of the compared band as a fraction of the image's diagonal."""


def boundary_width(size_hw: tuple[int, int]) -> int:
    """Return the width of the compared band in whole pixels, at least 1, for an image (H, W)."""
    return max(1, round(WIDTH_OF_DIAGONAL * math.hypot(*size_hw)))


def boundary(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """Keep the pixels of a mask that are near its outline; the edge of the image is a border.

    Args:
        mask: (H, W) bool.
        width: a pixel is kept if a background pixel is at most this many steps away, including diagonal steps.

    Returns:
        (H, W) bool.
    """
    inside = cv2.erode(
        mask.astype(np.uint8),
        np.ones((3, 3), np.uint8),
        iterations=width,
        borderType=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return np.asarray(mask & (inside == 0))


def boundary_iou(truth: Rle, answer: Rle) -> float:
    """Compare the outlines of two masks.

    Args:
        truth: a mask.
        answer: another mask of the same image.

    Returns:
        In [0, 1]; 0 if either is empty.

    Raises:
        SettingsError: the masks belong to images of different sizes.
    """
    require_one_size([truth, answer])
    if not truth.area or not answer.area:
        return 0.0
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = truth.box_xyxy, answer.box_xyxy
    # Outside both boxes neither mask has a pixel, as erosion assumes beyond an edge.
    window = slice(min(ay0, by0), max(ay1, by1)), slice(min(ax0, bx0), max(ax1, bx1))
    width = boundary_width((truth.height, truth.width))
    a, b = (boundary(rle.decode()[window], width) for rle in (truth, answer))
    return float((a & b).sum() / (a | b).sum())
