"""Several images as one: side by side, with captions, and as the contact sheet of many."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from samara.images.text import text_pixels

Image = npt.NDArray[np.uint8]

_PAPER, _INK = 255, 30
_GAP_PX = 8
# Long side of a panel beside others, so that three of a photo are no larger than the photo.
_PANEL_PX = 1600
_CAPTION = 1 / 24
_LEAST_CAPTION_PX = 12


def captioned(image: Image, caption: str) -> Image:
    """Put a line of text above an image: (H + h, W, 3)."""
    size = max(_LEAST_CAPTION_PX, round(min(min(image.shape[:2]), _PANEL_PX) * _CAPTION))
    coverage = text_pixels(caption, size)
    strip = np.full((coverage.shape[0] + size // 2, image.shape[1], 3), _PAPER, np.uint8)
    top, width = size // 4, min(coverage.shape[1], image.shape[1] - size // 4)
    if width > 0:
        line = strip[top : top + coverage.shape[0], size // 4 : size // 4 + width]
        line[:] = line - (coverage[:, :width, None] / 255 * (_PAPER - _INK)).astype(np.uint8)
    return np.concatenate([strip, image])


def shrunk(image: Image, long_side_px: int) -> Image:
    """Return an image with a long side of at most this many pixels."""
    scale = min(1.0, long_side_px / max(image.shape[:2]))
    if scale == 1.0:
        return image
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def side_by_side(images: Sequence[Image]) -> Image:
    """Put images next to each other in a row, each reduced to a long side of 1600 pixels at most."""
    return _joined([shrunk(image, _PANEL_PX) for image in images], axis=1)


def contact_sheet(cells: Sequence[Image], columns: int) -> Image:
    """Arrange images in rows of a number of columns, each in the middle of its cell, on white."""
    height, width = (max(cell.shape[side] for cell in cells) for side in (0, 1))
    rows = [
        _joined([_centred(cell, height, width) for cell in cells[start : start + columns]], axis=1)
        for start in range(0, len(cells), columns)
    ]
    widest = max(row.shape[1] for row in rows)
    return _joined([np.pad(row, ((0, 0), (0, widest - row.shape[1]), (0, 0)), constant_values=_PAPER) for row in rows])


def _joined(images: Sequence[Image], axis: int = 0) -> Image:
    """Join images, padding the other side with white at its end."""
    side = max(image.shape[1 - axis] for image in images)
    padded = []
    for number, image in enumerate(images):
        before = _GAP_PX if number else 0
        after = side - image.shape[1 - axis]
        edges = ((before, 0), (0, after)) if axis == 0 else ((0, after), (before, 0))
        padded.append(np.pad(image, (*edges, (0, 0)), constant_values=_PAPER))
    return np.concatenate(padded, axis=axis)


def _centred(image: Image, height: int, width: int) -> Image:
    top, left = (height - image.shape[0]) // 2, (width - image.shape[1]) // 2
    edges = ((top, height - image.shape[0] - top), (left, width - image.shape[1] - left), (0, 0))
    return np.pad(image, edges, constant_values=_PAPER)
