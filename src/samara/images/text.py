"""Text as pixels, for labels of masks and captions of images."""

from __future__ import annotations

import functools
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from samara.images.fonts import font_with

Coverage = npt.NDArray[np.uint8]
Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont


def text_pixels(text: str, size_px: int) -> Coverage:
    """Render one line of text.

    Args:
        text: any text. Letters that neither Pillow's font nor one of the system has become question marks, see
            `samara.images.fonts`.
        size_px: size of the font.

    Returns:
        (h, w) coverage of each pixel, 0 to 255; h depends on `size_px` only, so that lines of text align.
    """
    shown, font = _shown(text, size_px)
    height = round(1.25 * size_px)
    width = max(1, int(np.ceil(font.getlength(shown))))
    canvas = Image.new("L", (width, height))
    ImageDraw.Draw(canvas).text((0, height / 2), shown, fill=255, font=font, anchor="lm")
    return np.asarray(canvas)


def _shown(text: str, size_px: int) -> tuple[str, Font]:
    """Return a text as it can be drawn, and the font for it."""
    latin = text.encode("latin-1", "replace").decode("latin-1")
    path = None if latin == text else font_with(frozenset(text))
    return (latin, _font(size_px)) if path is None else (text, _font(size_px, path))


@functools.cache
def _font(size_px: int, path: str | None = None) -> Font:
    """Return Pillow's font, or the one in a file."""
    return ImageFont.load_default(size_px) if path is None else ImageFont.truetype(path, size_px)
