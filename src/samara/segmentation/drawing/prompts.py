"""Marks of clicks and boxes on an image."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from samara.masks.drawing.style import line_thickness
from samara.segmentation.prompts import Prompt

Image = npt.NDArray[np.uint8]

FOREGROUND_COLOUR = (46, 204, 113)
BACKGROUND_COLOUR = (231, 76, 60)
BOX_COLOUR = (255, 255, 255)
_DARK = (0, 0, 0)
# Radius of a click as a share of the image's short side, and at least this many pixels.
_RADIUS, _LEAST_RADIUS_PX = 1 / 90, 3


def draw_prompts(image: Image, prompts: Sequence[Prompt]) -> Image:
    """Mark prompts on a copy of an image: a plus in green for foreground, a minus in red for background.

    Args:
        image: (H, W, 3) RGB uint8; not modified.
        prompts: in pixels of the image.
    """
    canvas: Image = image.copy()
    for prompt in prompts:
        _draw_box(canvas, prompt)
        for point, label in zip(prompt.points_xy, prompt.point_labels, strict=True):
            _draw_click(canvas, (round(float(point[0])), round(float(point[1]))), is_foreground=bool(label))
    return canvas


def boxes_of_clicks(prompts: Sequence[Prompt], size_hw: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """Return the boxes, xyxy in pixels, that the marks of clicks cover on an image of a size."""
    reach = _radius(size_hw) + 2 * _rim(_radius(size_hw)) + 1  # the edge is smooth
    centres = [(round(float(x)), round(float(y))) for prompt in prompts for x, y in prompt.points_xy]
    return [(x - reach, y - reach, x + reach + 1, y + reach + 1) for x, y in centres]


def _radius(size_hw: tuple[int, int]) -> int:
    return max(_LEAST_RADIUS_PX, round(min(size_hw) * _RADIUS))


def _rim(radius: int) -> int:
    return max(1, radius // 6)


def _draw_box(canvas: Image, prompt: Prompt) -> None:
    if prompt.box_xyxy is None:
        return
    thickness = line_thickness((canvas.shape[0], canvas.shape[1]))
    x0, y0, x1, y1 = (round(float(side)) for side in prompt.box_xyxy)
    cv2.rectangle(canvas, (x0, y0), (x1 - 1, y1 - 1), _DARK, 2 * thickness + 1, cv2.LINE_AA)
    cv2.rectangle(canvas, (x0, y0), (x1 - 1, y1 - 1), BOX_COLOUR, thickness, cv2.LINE_AA)


def _draw_click(canvas: Image, centre: tuple[int, int], *, is_foreground: bool) -> None:
    radius = _radius((canvas.shape[0], canvas.shape[1]))
    rim = _rim(radius)
    cv2.circle(canvas, centre, radius + 2 * rim, _DARK, -1, cv2.LINE_AA)
    cv2.circle(canvas, centre, radius + rim, BOX_COLOUR, -1, cv2.LINE_AA)
    cv2.circle(canvas, centre, radius, FOREGROUND_COLOUR if is_foreground else BACKGROUND_COLOUR, -1, cv2.LINE_AA)
    arm, width = radius * 6 // 10, max(1, radius // 3)
    if arm < 3:
        return  # too small for a sign; the colour says it
    (x, y) = centre
    cv2.line(canvas, (x - arm, y), (x + arm, y), BOX_COLOUR, width)
    if is_foreground:
        cv2.line(canvas, (x, y - arm), (x, y + arm), BOX_COLOUR, width)
