"""Images whose pixels are mask or class numbers, for formats in which a pixel belongs to one object.

Where masks overlap, the smaller one is on top; of equally large ones, the earlier (`masks/partition.py`).
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from samara.datasets.annotated import AnnotatedImage
from samara.datasets.writing.staged_writer import LossMeter
from samara.masks.partition import label_map

if TYPE_CHECKING:
    from numpy.typing import NDArray


def topmost(image: AnnotatedImage) -> NDArray[np.int64]:
    """Return the index of the topmost mask of every pixel, (H, W); -1 where there is none."""
    if not image.masks.rles:
        return np.full(image.masks.size_hw, -1, np.int64)
    return label_map(image.masks.rles).astype(np.int64)


def meter_overlaps(meter: LossMeter, image: AnnotatedImage, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the visible pixels of each mask in a label map.

    Args:
        meter: collects the losses; the visible part is inside the mask, so the IoU is the visible fraction.
        image: image of the map.
        labels: result of `topmost` for it.

    Returns:
        (M,) number of visible pixels of each mask.
    """
    seen = np.bincount(labels.ravel() + 1, minlength=len(image.masks) + 1)[1:]
    for index, (pixels, area) in enumerate(zip(seen.tolist(), image.masks.areas.tolist(), strict=True)):
        meter.add(image, index, pixels / area if area else 1.0, left_out=not pixels)
    return seen


def palette_png(numbers: NDArray[np.int64]) -> bytes:
    """Encode numbers of 0..255 as palette indices, with the colours of Pascal VOC."""
    image = Image.fromarray(numbers.astype(np.uint8), mode="L")
    image.putpalette([channel for number in range(256) for channel in voc_colour(number)])
    return _png(image)


def voc_colour(number: int) -> tuple[int, int, int]:
    """Return a number's colour in Pascal VOC's palette: its bits, assigned in turn to red, green and blue.

    Source: the VOC development kit, `VOCcolormap`.
    """
    red = green = blue = 0
    for place in range(8):
        triple = number >> (3 * place)
        red |= (triple & 1) << (7 - place)
        green |= (triple >> 1 & 1) << (7 - place)
        blue |= (triple >> 2 & 1) << (7 - place)
    return red, green, blue


def _png(image: Image.Image) -> bytes:
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()
