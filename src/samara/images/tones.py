"""Mapping of a file's values to 0..255, determined once per image, even if read by windows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from samara.errors import ImageError
from samara.images.values import (
    ValueRange,
    alpha_failures,
    check_can_fill,
    check_type,
    is_nodata,
    lay_over,
    map_linearly,
    range_of_type,
    split,
    three_channels,
)

Levels = tuple[float, float]
"""The values that become black and white."""


@dataclass(frozen=True)
class Tones:
    """The mapping of one file.

    Attributes:
        name: name of the file in messages.
        colours: levels of grey or colours; None for unchanged 8 bits.
        alpha: levels of alpha; None for unchanged 8 bits.
        nodata: value of pixels without data, which become black, like NaN.
    """

    name: str
    colours: Levels | None = None
    alpha: Levels | None = None
    nodata: float | None = None

    def rgb(self, pixels: NDArray[np.generic], background: tuple[int, int, int]) -> NDArray[np.uint8]:
        """Convert pixels, or a window of them, to 8-bit RGB.

        Args:
            pixels: (h, w) grey, (h, w, 3) colour or (h, w, 4) colour and alpha.
            background: RGB behind transparent pixels.

        Returns:
            (h, w, 3) C-contiguous; shares memory with `pixels` if unchanged.
        """
        colours, alpha = split(pixels)
        rgb = three_channels(self._bytes(colours, self.colours))
        return rgb if alpha is None else lay_over(rgb, self._bytes(alpha, self.alpha), background)

    def _bytes(self, values: NDArray[np.generic], levels: Levels | None) -> NDArray[np.uint8]:
        if levels is None:
            return values.astype(np.uint8, copy=False)
        return map_linearly(values, *levels, self.name, self.nodata)


@dataclass
class _Extremes:
    """The smallest and the largest measured value."""

    nodata: float | None = None
    lowest: float = math.inf
    highest: float = -math.inf
    has_gaps: bool = field(default=False, init=False)

    def add(self, values: NDArray[np.generic]) -> None:
        values = values.view(np.uint8) if values.dtype == np.bool_ else values
        is_measured = None if values.dtype.kind != "f" else np.isfinite(values)
        if is_measured is not None and not is_measured.all():
            self.has_gaps = True
        if self.nodata is not None:
            known = ~is_nodata(values, self.nodata)
            is_measured = known if is_measured is None else is_measured & known
        measured = values if is_measured is None else values[is_measured]
        if measured.size:
            self.lowest = min(self.lowest, measured.min().item())
            self.highest = max(self.highest, measured.max().item())

    @property
    def levels(self) -> Levels:
        return (self.lowest, self.highest) if self.lowest <= self.highest else (0, 0)


def settle(
    blocks: Iterable[NDArray[np.generic]],
    dtype: np.dtype[np.generic],
    name: str,
    value_range: ValueRange | None,
    *,
    nodata: float | None = None,
    white: float | None = None,
) -> Tones:
    """Determine black and white of a file.

    Args:
        blocks: all pixels of the image, in parts; read only if needed.
        dtype: type of the pixels.
        name: name of the file in messages.
        value_range: see `samara.read_image`.
        nodata: value of pixels without data.
        white: the largest value, if the file states it.

    Raises:
        ImageError: black and white cannot be determined from the values.
    """
    check_type(dtype, name)
    if dtype == np.uint8 and value_range is None:
        return Tones(name)
    colours, alpha = _Extremes(nodata), _Extremes()
    has_alpha = False
    for block in blocks:
        of_colours, of_alpha = split(block)
        colours.add(of_colours)
        if of_alpha is not None:
            has_alpha = True
            alpha.add(of_alpha)
    levels = _levels(colours, dtype, name, value_range, white)
    if not has_alpha or dtype == np.uint8:
        return Tones(name, levels, None, nodata)
    with alpha_failures(name):
        return Tones(name, levels, _levels(alpha, dtype, name, None, white), nodata)


def _levels(
    extremes: _Extremes,
    dtype: np.dtype[np.generic],
    name: str,
    value_range: ValueRange | None,
    white: float | None,
) -> Levels:
    if value_range is not None and not isinstance(value_range, str):
        black, white = (float(level) for level in value_range)
        check_can_fill(dtype, (black, white), name)
        return black, white
    if extremes.has_gaps and extremes.nodata is None:
        raise ImageError(
            f"{name} contains NaN or infinite values; declare what is black and white, value_range=(lo, hi), and "
            "NaN becomes black."
        )
    if value_range is not None:
        return extremes.levels
    if white is not None and extremes.levels[1] <= white:
        return 0, white
    return range_of_type(dtype, *extremes.levels, name)
