"""Letterbox: an image centred in a grey rectangle, and the mapping back to its pixels.

The long side fills the input size; the short side is padded on both sides to the next multiple of the coarsest grid
only, so that a wide image costs less than a square one.

Source: the published inference of YOLOv8 (grey of 114, bilinear without antialiasing, padding split evenly, the odd
pixel to the right and the bottom).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

GREY = 114
MULTIPLE = 32
"""Cell size of the coarsest grid, in pixels of the input."""


@dataclass(frozen=True)
class Letterbox:
    """Placement of one image in the network input.

    Attributes:
        original_size_hw: (H, W) of the original image in pixels.
        input_size: long side of the network input, a multiple of 32.
    """

    original_size_hw: tuple[int, int]
    input_size: int

    @property
    def resized_size_hw(self) -> tuple[int, int]:
        """(h, w) of the image inside the rectangle; the short side of an extreme image is at least 1."""
        H, W = self.original_size_hw  # noqa: N806
        scale = self.input_size / max(H, W)
        return max(1, round(H * scale)), max(1, round(W * scale))

    @property
    def padded_size_hw(self) -> tuple[int, int]:
        """(h, w) of the rectangle, multiples of 32."""
        h, w = (math.ceil(side / MULTIPLE) * MULTIPLE for side in self.resized_size_hw)
        return h, w

    @property
    def corner_xy(self) -> tuple[int, int]:
        """Position of the image's top-left corner in the rectangle."""
        (h, w), (padded_h, padded_w) = self.resized_size_hw, self.padded_size_hw
        return (padded_w - w) // 2, (padded_h - h) // 2

    @property
    def scale_xy(self) -> tuple[float, float]:
        """Pixels of the rectangle per pixel of the image, along x and y; rounding makes them differ slightly."""
        (H, W), (h, w) = self.original_size_hw, self.resized_size_hw  # noqa: N806
        return w / W, h / H

    def to_original(self, boxes_xyxy: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Map boxes (K, 4) from the rectangle to pixels of the image, clipped to it."""
        H, W = self.original_size_hw  # noqa: N806
        boxes: npt.NDArray[np.float64] = (boxes_xyxy - np.tile(self.corner_xy, 2)) / np.tile(self.scale_xy, 2)
        return boxes.clip(0, np.tile([W, H], 2))


def letterboxed(image: npt.NDArray[np.uint8], letterbox: Letterbox) -> npt.NDArray[np.uint8]:
    """Place an image, RGB uint8 (H, W, 3), in its rectangle (h, w, 3)."""
    h, w = letterbox.resized_size_hw
    x, y = letterbox.corner_xy
    canvas = np.full((*letterbox.padded_size_hw, 3), GREY, dtype=np.uint8)
    canvas[y : y + h, x : x + w] = (
        image if (h, w) == image.shape[:2] else cv2.resize(image, (w, h), interpolation=cv2.INTER_LINEAR)
    )
    return canvas
