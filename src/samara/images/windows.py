"""Reading large TIFFs window by window, if they do not fit into memory.

Needs rasterio (extra `geo`), whose GDAL reads tiled and striped TIFFs in parts, GeoTIFFs with all their compressions.
Bands and values are interpreted as when the file is read whole: a window has exactly the pixels that
`samara.read_image` returns there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from samara.images.bands import Bands, bands_of
from samara.images.failures import failures_told
from samara.images.gdal import Box, opened, read_values
from samara.images.tiff_pages import Page, choose_page, read_pages
from samara.images.tones import Tones, settle
from samara.images.values import ValueRange, check_value_range
from samara.system.extras import require

WHITE = (255, 255, 255)
# Size of the parts read to determine black and white.
_BLOCK_SIDE, _BLOCK_PIXELS = 2048, 1 << 22


@dataclass(frozen=True, eq=False)
class WindowedImage:
    """A TIFF that stays on disk.

    Attributes:
        path: path of the file.
        page: page with the image.
        bands: interpretation of its bands.
        tones: mapping of its values.
    """

    path: Path
    page: Page
    bands: Bands
    tones: Tones

    @property
    def size_hw(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.page.size_hw

    def window(self, box_xyxy: Box) -> npt.NDArray[np.uint8]:
        """Read a window.

        Args:
            box_xyxy: window in pixels, right and bottom exclusive.

        Returns:
            (h, w, 3) uint8 RGB; transparent pixels over white.

        Raises:
            ImageError: the file is damaged there.
        """
        with failures_told(repr(str(self.path))), opened(self.path, self.page.number) as file:
            values = read_values(file, self.bands.positions, box_xyxy)
        return self.tones.rgb(self.bands.pixels(values), WHITE)


def open_windows(
    path: str | os.PathLike[str], value_range: ValueRange | None = None, frame: int | None = None
) -> WindowedImage | None:
    """Open a TIFF for reading windows.

    If black and white depend on the image, all values are read once, in parts.

    Args:
        path: path of the file.
        value_range: see `samara.read_image`.
        frame: see `samara.read_image`.

    Returns:
        None for a TIFF that must be read whole: one that is rotated, or in a colour model that is converted.

    Raises:
        ImageError: it is not a TIFF, is damaged, or `samara.read_image` refuses it too.
        MissingExtra: rasterio is not installed.
    """
    require("rasterio", "geo", "reading an image window by window")
    check_value_range(value_range)
    name = repr(os.fspath(path))
    with failures_told(name):
        with open(path, "rb") as stream:
            page = choose_page(read_pages(stream), name, frame)
        bands = bands_of(page, name)
        if bands is None or page.orientation != 1:
            return None
        with opened(path, page.number) as file:
            dtype = bands.dtype(np.dtype(file.dtypes[0]))
            tones = settle(_blocks(file, bands), dtype, name, value_range, nodata=bands.nodata, white=bands.white)
    return WindowedImage(Path(path), page, bands, tones)


def _blocks(file: Any, bands: Bands) -> Iterator[npt.NDArray[np.generic]]:  # Any: rasterio has no types
    """Yield all pixels, in parts aligned to the file's blocks, so that each block is decoded once."""
    block_height, block_width = file.block_shapes[0]
    width = min(file.width, block_width * max(1, _BLOCK_SIDE // block_width))
    height = block_height * max(1, _BLOCK_PIXELS // (width * block_height))
    for y in range(0, file.height, height):
        for x in range(0, file.width, width):
            box = x, y, min(x + width, file.width), min(y + height, file.height)
            yield bands.pixels(read_values(file, bands.positions, box))
