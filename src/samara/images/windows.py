"""Huge TIFFs, read window by window: what does not fit into memory, or not with the rest.

Needs rasterio (extra `geo`), whose GDAL reads tiled and striped TIFFs in parts, GeoTIFFs with all their compressions.
"""

from __future__ import annotations

import math
import os
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from samara.errors import ImageError
from samara.extras import require
from samara.images.values import ValueRange, check_value_range, to_rgb

TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
WHITE = (255, 255, 255)
_WARNING_FILTERS = threading.Lock()


def is_tiff(head: bytes) -> bool:
    """Whether a file that begins with these bytes is a TIFF, classic or Big."""
    return head[:4] in TIFF_MAGIC


@dataclass(frozen=True)
class WindowedImage:
    """A TIFF that stays on the disk.

    Attributes:
        path: of the file.
        size_hw: (H, W) in pixels.
        bands: 1 grey, 3 colour, 4 colour and alpha.
        transform: (a, b, c, d, e, f) from pixels to coordinates, None if it lies nowhere.
        crs: such as "EPSG:32633", None if unknown.
        value_range: what is black and white, see `samara.read_image`; "auto" would differ from window to window.
    """

    path: Path
    size_hw: tuple[int, int]
    bands: int
    transform: tuple[float, float, float, float, float, float] | None
    crs: str | None
    value_range: ValueRange | None = None

    @classmethod
    def open(cls, path: str | os.PathLike[str], value_range: ValueRange | None = None) -> WindowedImage:
        """Read the header.

        Raises:
            ImageError: it is no TIFF, or one that cannot be read window by window without guessing.
            MissingExtra: rasterio is not installed.
        """
        require("rasterio", "geo", "reading an image window by window")
        from rasterio.errors import RasterioError

        check_value_range(value_range)
        if value_range == "auto":
            raise ImageError(f"{os.fspath(path)!r} is read by windows, of which each would be stretched; give a range.")
        try:
            with _open(path) as file:
                bands, dtypes, transform, crs = file.count, set(file.dtypes), file.transform, file.crs
                size_hw = file.height, file.width
        except RasterioError as error:
            raise ImageError(f"{os.fspath(path)!r} cannot be read by windows ({error}).") from error
        if bands not in (1, 3, 4):
            raise ImageError(f"{os.fspath(path)!r} has {bands} bands; 1, 3 or 4 are needed: export the visible ones.")
        if len(dtypes) > 1 or (dtypes != {"uint8"} and value_range is None):
            raise ImageError(
                f"{os.fspath(path)!r} holds {', '.join(sorted(dtypes))} values, and no window alone says what is black "
                "and white; declare value_range=(black, white)."
            )
        a, b, c, d, e, f = (float(number) for number in transform[:6])
        known = None if transform.is_identity else (a, b, c, d, e, f)
        return cls(Path(path), size_hw, bands, known, None if crs is None else crs.to_string(), value_range)

    def window(self, box_xyxy: tuple[int, int, int, int]) -> npt.NDArray[np.uint8]:
        """Read a window.

        Args:
            box_xyxy: in pixels, right and bottom exclusive.

        Returns:
            (h, w, 3) uint8 RGB; transparent pixels over white.

        Raises:
            ImageError: the file is damaged there.
        """
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        x0, y0, x1, y1 = box_xyxy
        name = repr(str(self.path))
        try:
            with _open(self.path) as file:
                values = file.read(window=Window(x0, y0, x1 - x0, y1 - y0))  # (bands, h, w)
        except RasterioError as error:
            raise ImageError(f"{name} cannot be read in the window {box_xyxy} ({error}); fetch it again.") from error
        if self.value_range is not None and not isinstance(self.value_range, str):
            values[:3] = _clipped(values[:3], *self.value_range)
        pixels = values[0] if self.bands == 1 else np.ascontiguousarray(np.moveaxis(values, 0, -1))
        return to_rgb(pixels, name, self.value_range, WHITE)


def _clipped(values: npt.NDArray[np.generic], black: float, white: float) -> npt.NDArray[np.generic]:
    """Values within a range that was declared: where nothing was measured there is often NaN or −9999."""
    if values.dtype.kind == "f":
        values, limits = np.nan_to_num(values, nan=black), (black, white)
    else:
        limits = (math.ceil(black), math.floor(white))
    clipped: npt.NDArray[np.generic] = np.clip(values, *limits).astype(values.dtype)
    return clipped


def _open(path: str | os.PathLike[str]) -> Any:  # Any: rasterio has no types
    """Open without the warning that a picture lies nowhere on Earth; most do not."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    # Filters are global to the process, which is why two threads may not change them at once.
    with _WARNING_FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path, driver="GTiff")
