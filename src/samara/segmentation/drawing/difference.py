"""Predicted masks against ground truth, drawn over the image: correct, missed and excess pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from samara.masks.drawing.style import line_thickness
from samara.segmentation.drawing.prompts import draw_prompts
from samara.segmentation.drawing.view import Image, Mask
from samara.segmentation.prompts import Prompt

# RGB; distinguishable with red-green colour blindness.
RIGHT, MISSED, TOO_MUCH, OUTLINE = (0, 170, 140), (255, 176, 0), (220, 38, 127), (255, 255, 255)
OPACITY = 0.55


def draw_truth(image: Image, truths: Iterable[Mask]) -> Image:
    """Outline ground-truth masks.

    Args:
        image: (H, W, 3) RGB uint8; not modified.
        truths: any number of masks, each (H, W) bool.

    Returns:
        A new (H, W, 3) RGB uint8 image.
    """
    canvas: Image = image.copy()
    for truth in truths:
        _outline(canvas, truth)
    return canvas


def draw_difference(image: Image, pairs: Iterable[tuple[Mask, Mask]], prompts: Sequence[Prompt] = ()) -> Image:
    """Tint correct, missed and excess pixels.

    If objects overlap, errors cover correct pixels, and excess covers missed, so that no error is hidden.

    Args:
        image: (H, W, 3) RGB uint8; not modified.
        pairs: any number of pairs of ground truth and predicted mask, each (H, W) bool.
        prompts: points and boxes to mark, in pixels of the image.

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
    """Draw a white outline with a dark rim, visible on both dark fluorescence and bright stained tissue."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    thickness = line_thickness((canvas.shape[0], canvas.shape[1]))
    cv2.drawContours(canvas, contours, -1, (0, 0, 0), 3 * thickness, cv2.LINE_AA)
    cv2.drawContours(canvas, contours, -1, OUTLINE, thickness, cv2.LINE_AA)
