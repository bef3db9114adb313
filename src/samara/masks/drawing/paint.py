"""Painting of masks over an image: tinted areas, small on large, with outlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from samara.masks.columns import window_of
from samara.masks.drawing.colours import Rgb
from samara.masks.drawing.labels import Box, Label, draw_labels, room_in
from samara.masks.drawing.style import OverlayStyle
from samara.masks.overlap import areas_of
from samara.masks.partition import label_map
from samara.masks.rle import Rle

Image = npt.NDArray[np.uint8]

# A dark rim below each outline separates it from an image of the same colour.
_RIM_SHADE = 0.25
_ROWS = 128


@dataclass(frozen=True)
class Labelling:
    """The labels of M masks.

    Attributes:
        texts: M texts; an empty one is no label.
        on_patches: see `draw_labels`, as for the next.
        keep_clear: boxes that labels leave free if they can.
    """

    texts: Sequence[str]
    on_patches: bool = False
    keep_clear: Sequence[Box] = ()


def paint(
    image: Image,
    rles: Sequence[Rle],
    colours: Sequence[Rgb],
    labelling: Labelling,
    style: OverlayStyle,
) -> Image:
    """Paint masks over an image.

    Where masks overlap, the smaller one is on top, as in `samara.masks.partition`.

    Args:
        image: (H, W, 3) RGB of the masks' size; not modified.
        rles: M masks; empty ones are not drawn.
        colours: their M colours.
        labelling: their labels.
        style: how they are drawn.

    Returns:
        A new (H, W, 3) RGB image.
    """
    if not rles:
        return image.copy()
    visible = label_map(rles)
    canvas = _tinted(image, visible, colours, style.opacity)
    largest_first = [int(index) for index in np.argsort(-areas_of(rles), kind="stable") if rles[index].area]
    thickness = style.outline_px((image.shape[0], image.shape[1]))
    if thickness:
        for index in largest_first:
            _draw_outline(canvas, rles[index], colours[index], thickness)
    texts = labelling.texts
    labels = (_label(rles[one], one, visible, texts[one], colours[one]) for one in largest_first if texts[one])
    draw_labels(
        canvas, labels, on_patches=labelling.on_patches, keep_clear=labelling.keep_clear, size_px=style.label_size
    )
    return canvas


def _tinted(image: Image, visible: npt.NDArray[np.int32], colours: Sequence[Rgb], opacity: float) -> Image:
    """Mix every pixel of a mask with the mask's colour; `visible` is the result of `label_map`."""
    canvas: Image = image.copy()
    palette = np.float32(opacity) * np.array(colours, dtype=np.float32).reshape(-1, 3)
    for top in range(0, image.shape[0], _ROWS):  # in bands, since the mixing takes 12 bytes per pixel and more
        band, labels = canvas[top : top + _ROWS], visible[top : top + _ROWS]
        inside = labels >= 0
        mixed = np.float32(1 - opacity) * band[inside] + palette[labels[inside]]
        band[inside] = np.round(mixed).astype(np.uint8)
    return canvas


def _draw_outline(canvas: Image, rle: Rle, rgb: Rgb, thickness: int) -> None:
    x0, y0, _, _ = rle.box_xyxy
    area = window_of(rle).astype(np.uint8)
    contours, _ = cv2.findContours(area, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(x0, y0))
    rim = tuple(int(_RIM_SHADE * part) for part in rgb)
    if thickness > 1:
        cv2.drawContours(canvas, contours, -1, rim, thickness + 2, cv2.LINE_AA)
    cv2.drawContours(canvas, contours, -1, rgb, thickness, cv2.LINE_AA)


def _label(rle: Rle, index: int, visible: npt.NDArray[np.int32], text: str, rgb: Rgb) -> Label:
    x0, y0, x1, y1 = rle.box_xyxy
    seen = visible[y0:y1, x0:x1] == index
    return Label(text, rgb, room_in(seen if seen.any() else window_of(rle), rle.box_xyxy))
