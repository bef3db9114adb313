"""Smaller copies of images for looking at."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt


def reduced(image: npt.NDArray[np.uint8], longest: int) -> npt.NDArray[np.uint8]:
    """Return an image whose longer side has at most so many pixels.

    Args:
        image: (H, W, 3) RGB.
        longest: largest side in pixels, at least 1.

    Returns:
        The image itself if it is small enough; otherwise a copy, each of whose pixels is the mean of an area.
    """
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
