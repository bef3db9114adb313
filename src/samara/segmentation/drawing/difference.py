"""Answers against the ground truth, drawn over their image: what is right, what is missed, what is too much."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from samara.segmentation.drawing.overlay import draw_prompts, line_thickness
from samara.segmentation.drawing.view import Image, Mask
from samara.segmentation.prompts import Prompt

# RGB; told apart by readers who see no red or no green, too.
RIGHT, MISSED, TOO_MUCH, OUTLINE = (0, 170, 140), (255, 176, 0), (220, 38, 127), (255, 255, 255)
OPACITY = 0.55


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
