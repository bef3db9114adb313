"""View of a part of an image at display size."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from samara.images.contrast import levels_to_see, stretched
from samara.masks.mask_set import MaskSet
from samara.masks.rle import Rle, encode_mask
from samara.segmentation.prompts import Prompt

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class View:
    """A part of an image, at the size at which it is looked at.

    Attributes:
        window_xyxy: window in pixels of the image, right and bottom exclusive.
        long_side: long side of the result in pixels; smaller windows are enlarged, so that lines look thin.
    """

    window_xyxy: tuple[int, int, int, int]
    long_side: int

    @property
    def scale(self) -> float:
        """Pixels of the result per pixel of the image."""
        x0, y0, x1, y1 = self.window_xyxy
        return self.long_side / max(x1 - x0, y1 - y0)

    @property
    def size_hw(self) -> tuple[int, int]:
        """(H, W) of the result."""
        x0, y0, x1, y1 = self.window_xyxy
        return max(1, round((y1 - y0) * self.scale)), max(1, round((x1 - x0) * self.scale))

    def image(self, image: Image) -> Image:
        """Return the view of an image (H, W, 3), stretched if the whole image is too dark or too flat to be seen."""
        return stretched(self._resized(image), levels_to_see(image))

    def mask(self, rle: Rle) -> Mask:
        """Return the view of a mask."""
        covered: Mask = self._resized(rle.decode().astype(np.uint8) * 255) >= 128
        return covered

    def masks(self, masks: MaskSet) -> MaskSet:
        """Return the view of a mask set; masks that become too small to be seen are empty."""
        return replace(masks.with_rles([encode_mask(self.mask(rle)) for rle in masks.rles]), size_hw=self.size_hw)

    def prompt(self, prompt: Prompt) -> Prompt:
        """Return a prompt, without mask logits, in pixels of the result."""
        scale, origin = self.scale, np.array(self.window_xyxy[:2])
        # A point stands for the centre of a pixel; a box for edges.
        points = (prompt.points_xy + 0.5 - origin) * scale - 0.5
        box = None if prompt.box_xyxy is None else (prompt.box_xyxy.reshape(2, 2) - origin).reshape(4) * scale
        return Prompt(points if len(points) else None, prompt.point_labels if len(points) else None, box)

    def _resized(self, array: Image) -> Image:
        x0, y0, x1, y1 = self.window_xyxy
        height, width = self.size_hw
        part = np.ascontiguousarray(array[y0:y1, x0:x1])
        how = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR
        return cv2.resize(part, (width, height), interpolation=how).astype(np.uint8, copy=False)
