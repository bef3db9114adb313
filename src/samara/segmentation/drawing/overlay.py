"""Overlay of masks on their image: tinted areas with contours, large behind small, prompts on top."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from samara.masks.mask_set import MaskSet
from samara.segmentation.prompts import Prompt

Image = npt.NDArray[np.uint8]

# Successive indices are far apart on the colour wheel for any number of masks.
GOLDEN_RATIO = 0.618033988749895
FOREGROUND_COLOUR = (46, 204, 113)
BACKGROUND_COLOUR = (231, 76, 60)
BOX_COLOUR = (255, 255, 255)


def draw_masks(image: Image, masks: MaskSet, prompts: Sequence[Prompt] = (), *, opacity: float = 0.45) -> Image:
    """Draw masks over an image.

    Args:
        image: (H, W, 3) RGB uint8 of the masks' size; not modified.
        masks: any number of masks. For a checkpoint with several classes, each is labelled with its class and
            confidence.
        prompts: points and boxes to mark.
        opacity: opacity of the tint, in [0, 1].

    Returns:
        A new (H, W, 3) RGB uint8 image.
    """
    canvas: Image = image.copy()
    thickness = line_thickness(image)
    ordered = masks.largest_first()
    colours = [colour(index) for index in range(len(ordered))]
    for index, rle in enumerate(ordered.rles):
        x0, y0, x1, y1 = rle.box_xyxy
        area = rle.decode()[y0:y1, x0:x1]
        # Tinted from the original pixels, so that a small mask looks the same on top of others.
        tinted = (1 - opacity) * image[y0:y1, x0:x1] + opacity * np.array(colours[index])
        canvas[y0:y1, x0:x1][area] = tinted[area].astype(np.uint8)
        _draw_contour(canvas, area, (x0, y0), colours[index], thickness)
    if ordered.class_names and len(ordered.class_names) > 1:  # a single class needs no labels
        for index, rle in enumerate(ordered.rles):
            label = f"{ordered.class_name(index)} {ordered.predicted_iou[index]:.2f}"
            _draw_label(canvas, label, rle.box_xyxy[:2], colours[index], thickness)
    return draw_prompts(canvas, prompts)


def draw_prompts(image: Image, prompts: Sequence[Prompt]) -> Image:
    """Mark points and boxes on a copy of an image, (H, W, 3) RGB uint8, in its pixel coordinates."""
    canvas: Image = image.copy()
    for prompt in prompts:
        _draw_prompt(canvas, prompt, line_thickness(image))
    return canvas


def colour(index: int) -> tuple[int, int, int]:
    """Return the RGB colour of a mask by index: hues by the golden ratio, with three alternating tones."""
    hue = (0.58 + index * GOLDEN_RATIO) % 1.0
    saturation, value = ((0.85, 1.0), (0.65, 0.95), (0.95, 0.85))[index % 3]
    red, green, blue = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, saturation, value))
    return red, green, blue


def line_thickness(image: Image) -> int:
    """Return the line width in pixels that looks equally thin on small and large images."""
    short_side = int(min(image.shape[:2]))
    return max(1, round(short_side / 500))


def _draw_contour(
    canvas: Image,
    area: npt.NDArray[np.bool_],
    offset: tuple[int, int],
    rgb: tuple[int, int, int],
    thickness: int,
) -> None:
    contours, _ = cv2.findContours(area.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=offset)
    light = tuple(int(255 - 0.45 * (255 - part)) for part in rgb)
    cv2.drawContours(canvas, contours, -1, light, thickness, cv2.LINE_AA)


def _draw_label(
    canvas: Image, label: str, corner_xy: tuple[int, int], rgb: tuple[int, int, int], thickness: int
) -> None:
    """Write the label on a patch of the mask's colour at its top-left corner, within the image."""
    text = label.encode("ascii", "replace").decode()  # OpenCV draws only ASCII
    font, scale, margin = cv2.FONT_HERSHEY_SIMPLEX, 0.45 * thickness, 2 * thickness
    (width, height), below = cv2.getTextSize(text, font, scale, thickness)
    patch_h, patch_w = height + below + 2 * margin, width + 2 * margin
    left = max(0, min(corner_xy[0], canvas.shape[1] - patch_w))
    top = max(0, min(corner_xy[1] - patch_h, canvas.shape[0] - patch_h))
    cv2.rectangle(canvas, (left, top), (left + patch_w - 1, top + patch_h - 1), rgb, cv2.FILLED)
    is_light = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] > 140  # ITU-R BT.601 luma
    ink = (0, 0, 0) if is_light else (255, 255, 255)
    cv2.putText(canvas, text, (left + margin, top + margin + height), font, scale, ink, thickness, cv2.LINE_AA)


def _draw_prompt(canvas: Image, prompt: Prompt, thickness: int) -> None:
    if prompt.box_xyxy is not None:
        x0, y0, x1, y1 = (round(float(side)) for side in prompt.box_xyxy)
        cv2.rectangle(canvas, (x0, y0), (x1 - 1, y1 - 1), (0, 0, 0), 2 * thickness + 1, cv2.LINE_AA)
        cv2.rectangle(canvas, (x0, y0), (x1 - 1, y1 - 1), BOX_COLOUR, thickness, cv2.LINE_AA)
    for (x, y), label in zip(prompt.points_xy, prompt.point_labels, strict=True):
        centre = (round(float(x)), round(float(y)))
        filling = FOREGROUND_COLOUR if label else BACKGROUND_COLOUR
        cv2.circle(canvas, centre, 5 * thickness, (0, 0, 0), -1, cv2.LINE_AA)
        cv2.circle(canvas, centre, 4 * thickness, (255, 255, 255), -1, cv2.LINE_AA)
        cv2.circle(canvas, centre, 3 * thickness, filling, -1, cv2.LINE_AA)
