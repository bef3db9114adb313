"""Interpretation of the bands of a TIFF, whether read whole or by windows.

Tags decide: the colour model, the declared meaning of extra bands, and GDAL's own note of colours, if any. Sidecar
files are ignored. Bands that are neither colour nor alpha are dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL.ExifTags import Base

from samara.errors import ImageError
from samara.images.tiff_pages import GDAL_METADATA, GDAL_NODATA, Page

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_ASSOCIATED, _UNASSOCIATED, _COREL = 1, 2, 999  # values of the tag ExtraSamples
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3  # values of the tag SampleFormat
_JPEG, _OLD_JPEG = 7, 6

# <Item name="COLORINTERP" sample="3" role="colorinterp">Alpha</Item>
_COLOUR_NOTE = re.compile(r'<Item name="COLORINTERP" sample="(\d{1,4})"[^>]{0,80}>([A-Za-z]{1,20})<')


@dataclass(frozen=True, eq=False)
class Bands:
    """How to interpret the values of a pixel.

    Attributes:
        colours: positions of grey (one), or of red, green and blue (three).
        alpha: position of alpha.
        is_associated: whether the colours are multiplied by alpha.
        is_inverted: whether white is 0.
        palette: (N, 3) uint8, if the values are palette indices.
        bits: bits per value.
        nodata: value of pixels without data; NaN always means that.
    """

    colours: tuple[int, ...]
    alpha: int | None = None
    is_associated: bool = False
    is_inverted: bool = False
    palette: NDArray[np.uint8] | None = None
    bits: int = 8
    nodata: float | None = None

    @property
    def positions(self) -> tuple[int, ...]:
        """The required bands: colours, then alpha."""
        return self.colours if self.alpha is None else (*self.colours, self.alpha)

    @property
    def white(self) -> float | None:
        """The largest value, if the file states one that differs from the type's."""
        return float(2**self.bits - 1) if 8 < self.bits < 16 else None

    def dtype(self, stored: np.dtype[np.generic]) -> np.dtype[np.generic]:
        """Return the type of the pixels for that of the values."""
        return np.dtype(np.uint8) if self.palette is not None or self.bits <= 8 else stored

    def pixels(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Convert values to pixels.

        Args:
            values: (h, w, n), values of the bands at `positions`.

        Returns:
            (h, w) grey, (h, w, 3) colours, or (h, w, 4) colours and alpha; in the type of the file.
        """
        if self.palette is not None:
            looked_up: NDArray[np.uint8] = self.palette[np.minimum(values[..., 0], len(self.palette) - 1)]
            return looked_up
        if self.bits < 8:
            values = np.rint(np.arange(256) * (255 / (2**self.bits - 1))).astype(np.uint8)[values]
        colours = values[..., : len(self.colours)]
        if self.is_inverted:
            colours = 255 - colours
        if self.alpha is None:
            return colours[..., 0] if len(self.colours) == 1 else colours
        alpha = values[..., -1:]
        if self.is_associated:
            colours = _divided(colours, alpha)
        return np.concatenate([np.broadcast_to(colours, (*colours.shape[:2], 3)), alpha], 2)


def bands_of(page: Page, name: str) -> Bands | None:
    """Interpret the bands of a page.

    Args:
        page: page of a TIFF.
        name: name of the file in messages.

    Returns:
        None for colour models that must be converted (CMYK, Lab, YCbCr other than JPEG's).

    Raises:
        ImageError: the file does not declare them, or in an unsupported way.
    """
    model = page.number_of(Base.PhotometricInterpretation, _WHITE_IS_ZERO)
    _refuse_values(page, model, name)
    bits, nodata = page.bits, _nodata(page)
    if model == _PALETTE:
        return Bands((0,), palette=_palette(page), bits=bits) if page.samples == 1 and bits <= 8 else None
    if model == _YCBCR and page.number_of(Base.Compression, 1) == _JPEG and page.samples == 3:
        return Bands((0, 1, 2), bits=bits, nodata=nodata)
    if model not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
        return None
    noted = _noted_colours(page)
    colours = noted.colours if noted is not None else _colours(page, model, name)
    alpha = noted.alpha if noted is not None and noted.alpha is not None else _alpha(page, model)
    is_associated = alpha is not None and _extra(page, model).get(alpha) == _ASSOCIATED
    if is_associated and bits > 8:
        raise ImageError(f"{name} has {bits} bits in a variety that is not supported; save it as plain 16-bit RGB(A).")
    return Bands(colours, alpha, is_associated, model == _WHITE_IS_ZERO, bits=bits, nodata=nodata)


def _refuse_values(page: Page, model: int, name: str) -> None:
    bits, formats = page.bits, page.numbers(Base.SampleFormat)
    if bits > 8 and model == _WHITE_IS_ZERO:
        raise ImageError(f"{name} stores white as 0 in {bits} bits; invert the values and pass them as an array.")
    if bits == 8 and _SIGNED in formats:
        raise ImageError(f"{name} contains signed 8-bit values; pass them as an int8 array with value_range.")
    if any(one > _FLOAT for one in formats if one != 4):  # 4: undefined
        raise ImageError(f"{name} contains complex numbers; save real values, such as their magnitude.")
    if len(set(page.numbers(Base.BitsPerSample))) > 1:
        raise ImageError(f"{name} has bands of different bits per value; export it with the same for all.")


def _model_bands(model: int) -> int:
    return 3 if model == _RGB else 1


def _extra(page: Page, model: int) -> dict[int, int]:
    """Map the position of each extra band to its declared meaning."""
    stated = page.numbers(Base.ExtraSamples)
    first = max(_model_bands(model), page.samples - len(stated))
    return {first + at: int(kind) for at, kind in enumerate(stated) if first + at < page.samples}


def _alpha(page: Page, model: int) -> int | None:
    kinds = _extra(page, model)
    if not kinds and model == _RGB and page.samples == 4:
        return 3  # written before the tag existed
    return next((at for at, kind in kinds.items() if kind in (_ASSOCIATED, _UNASSOCIATED, _COREL)), None)


def _colours(page: Page, model: int, name: str) -> tuple[int, ...]:
    """Return the positions of the colours if GDAL has noted none."""
    if model == _RGB:
        if page.samples < 3:
            raise ImageError(f"{name} is declared as RGB but has {page.samples} bands; export it again.")
        return 0, 1, 2
    undeclared = page.samples - (_alpha(page, model) is not None)
    if undeclared <= 2:
        return (0,)
    if undeclared == 3:
        return 0, 1, 2  # the convention for three undeclared bands
    raise ImageError(
        f"{name} has {undeclared} bands and does not say which are red, green and blue; export these three, for "
        "example with gdal_translate -b 3 -b 2 -b 1 -colorinterp red,green,blue."
    )


def _noted_colours(page: Page) -> Bands | None:
    """Return the colours noted by GDAL; None if it has not noted all three."""
    found: dict[str, int] = {}
    for sample, colour in _COLOUR_NOTE.findall(page.text(GDAL_METADATA)):
        if int(sample) < page.samples:
            found.setdefault(colour.lower(), int(sample))
    if not {"red", "green", "blue"} <= found.keys():
        return None
    return Bands((found["red"], found["green"], found["blue"]), found.get("alpha"))


def _nodata(page: Page) -> float | None:
    try:
        return float(page.text(GDAL_NODATA))
    except ValueError:
        return None


def _palette(page: Page) -> NDArray[np.uint8]:
    """Return the palette: 16-bit colours in the file, of which the upper 8 bits count, as in Pillow."""
    stated = np.array(page.numbers(Base.ColorMap), np.uint16)
    if stated.size != 3 * 2**page.bits:
        raise ValueError(f"a palette of {stated.size} numbers, not {3 * 2**page.bits}")
    return (stated.reshape(3, -1).T >> 8).astype(np.uint8)


def _divided(colours: NDArray[np.generic], alpha: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Divide 8-bit colours by their alpha, truncating, like Pillow."""
    divided = colours.astype(np.uint16) * 255 // np.maximum(alpha, 1).astype(np.uint16)
    whole: NDArray[np.uint8] = np.where(alpha == 0, 0, np.minimum(divided, 255)).astype(np.uint8)
    return whole
