"""Answers against the ground truth, drawn over their picture: what is right, what is missed, what is too much."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from samara.masks.rle import Rle
from samara.prompts import Prompt
from samara.reports.overlay import draw_prompts, line_thickness

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

# RGB; told apart by readers who see no red or no green, too.
RIGHT, MISSED, TOO_MUCH, OUTLINE = (0, 170, 140), (255, 176, 0), (220, 38, 127), (255, 255, 255)
OPACITY = 0.55


@dataclass(frozen=True)
class View:
    """A part of a picture, at the size at which it is looked at.

    Attributes:
        window_xyxy: the part, in pixels of the picture, exclusive right and bottom.
        long_side: of the result in pixels; smaller pictures are enlarged, so that lines are thin beside them.
    """

    window_xyxy: tuple[int, int, int, int]
    long_side: int

    @property
    def scale(self) -> float:
        """Pixels of the result for one of the picture."""
        x0, y0, x1, y1 = self.window_xyxy
        return self.long_side / max(x1 - x0, y1 - y0)

    @property
    def size_hw(self) -> tuple[int, int]:
        """(H, W) of the result."""
        x0, y0, x1, y1 = self.window_xyxy
        return max(1, round((y1 - y0) * self.scale)), max(1, round((x1 - x0) * self.scale))

    def picture(self, image: Image) -> Image:
        """This part of a picture (H, W, 3)."""
        return self._resized(image)

    def mask(self, rle: Rle) -> Mask:
        """This part of a mask."""
        covered: Mask = self._resized(rle.decode().astype(np.uint8) * 255) >= 128
        return covered

    def prompt(self, prompt: Prompt) -> Prompt:
        """A prompt without mask, in pixels of the result."""
        scale, origin = self.scale, np.array(self.window_xyxy[:2])
        # A point names a pixel and means its middle; a box names edges.
        points = (prompt.points_xy + 0.5 - origin) * scale - 0.5
        box = None if prompt.box_xyxy is None else (prompt.box_xyxy.reshape(2, 2) - origin).reshape(4) * scale
        return Prompt(points if len(points) else None, prompt.point_labels if len(points) else None, box)

    def _resized(self, array: Image) -> Image:
        x0, y0, x1, y1 = self.window_xyxy
        height, width = self.size_hw
        part = np.ascontiguousarray(array[y0:y1, x0:x1])
        how = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR
        return cv2.resize(part, (width, height), interpolation=how).astype(np.uint8, copy=False)


def draw_truth(image: Image, truths: Iterable[Mask]) -> Image:
    """Outline ground truth.

    Args:
        image: (H, W, 3) RGB uint8; it is not changed.
        truths: any number, each (H, W) bool.

    Returns:
        A new (H, W, 3) RGB uint8 image.
    """
    canvas: Image = image.copy()
    for truth in truths:
        _outline(canvas, truth)
    return canvas


def draw_difference(image: Image, pairs: Iterable[tuple[Mask, Mask]], prompts: Sequence[Prompt] = ()) -> Image:
    """Tint where answers are right, miss something, or take too much.

    Where objects overlap, an error covers what is right, and too much covers missed: nothing wrong is hidden.

    Args:
        image: (H, W, 3) RGB uint8; it is not changed.
        pairs: ground truth and answer, each (H, W) bool; any number.
        prompts: points and boxes to mark, in pixels of this image.

    Returns:
        A new (H, W, 3) RGB uint8 image.
    """
    canvas: Image = image.copy()
    layers = {colour: np.zeros(image.shape[:2], dtype=bool) for colour in (RIGHT, MISSED, TOO_MUCH)}
    outlines = []
    for truth, answer in pairs:
        layers[RIGHT] |= truth & answer
        layers[MISSED] |= truth & ~answer
        layers[TOO_MUCH] |= answer & ~truth
        outlines.append(truth)
    for colour, area in layers.items():
        canvas[area] = ((1 - OPACITY) * image[area] + OPACITY * np.array(colour)).astype(np.uint8)
    for truth in outlines:
        _outline(canvas, truth)
    return draw_prompts(canvas, prompts)


def _outline(canvas: Image, mask: Mask) -> None:
    """White with a dark rim, to be seen on the black of fluorescence and on the white of stained tissue."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    thickness = line_thickness(canvas)
    cv2.drawContours(canvas, contours, -1, (0, 0, 0), 3 * thickness, cv2.LINE_AA)
    cv2.drawContours(canvas, contours, -1, OUTLINE, thickness, cv2.LINE_AA)
