"""Text as pixels, for labels of masks and captions of images."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Coverage = npt.NDArray[np.uint8]


def text_pixels(text: str, size_px: int) -> Coverage:
    """Render one line of text.

    Args:
        text: Latin letters and signs; others become question marks, since Pillow's font has no more.
        size_px: size of the font.

    Returns:
        (h, w) coverage of each pixel, 0 to 255; h depends on `size_px` only, so that lines of text align.
    """
    font = _font(size_px)
    shown = text.encode("latin-1", "replace").decode("latin-1")
    height = round(1.25 * size_px)
    width = max(1, int(np.ceil(font.getlength(shown))))
    canvas = Image.new("L", (width, height))
    ImageDraw.Draw(canvas).text((0, height / 2), shown, fill=255, font=font, anchor="lm")
    return np.asarray(canvas)


@functools.cache
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)
