"""Values of TIFFs by GDAL: those that Pillow has no mode for, and windows of those that do not fit into memory.

GDAL sees the one file alone: no file beside it (`.aux.xml`, `.msk`, `.ovr`) changes a value.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from samara.errors import ImageError
from samara.system.extras import is_installed

Box: TypeAlias = tuple[int, int, int, int]

# Filters are global to the process, which is why two threads may not change them at once.
WARNING_FILTERS = threading.RLock()

_ALONE = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": "NO"}


def require_rasterio(name: str, what: str) -> None:
    """Make sure that rasterio is there.

    Raises:
        ImageError: it is not; says what the file is and how to get it.
    """
    if not is_installed("rasterio"):
        raise ImageError(f"{name} {what}, which needs rasterio: pip install 'samara[geo]'.")


@contextmanager
def opened(source: str | os.PathLike[str] | bytes, page: int) -> Iterator[Any]:  # Any: rasterio has no types
    """Open one page of a TIFF.

    Args:
        source: the path of the file, or its bytes.
        page: its number, from 0.

    Raises:
        ImageError: rasterio cannot open it.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    with rasterio.Env(**_ALONE):
        if isinstance(source, bytes):
            with rasterio.MemoryFile(source) as memory, opened(memory.name, page) as file:
                yield file
            return
        path = os.fspath(source)
        with WARNING_FILTERS, warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # most images lie nowhere on Earth
            absolute = path if path.startswith("/vsimem/") else str(Path(path).resolve())
            file = rasterio.open(f"GTIFF_DIR:{page + 1}:{absolute}" if page else absolute, driver="GTiff")
        with file:
            yield file


def read_values(
    file: Any,  # Any: rasterio has no types
    positions: tuple[int, ...],
    box_xyxy: Box | None = None,
) -> NDArray[np.generic]:
    """Read the values of some bands.

    Args:
        file: from `opened`.
        positions: of the bands, from 0.
        box_xyxy: window in pixels, right and bottom exclusive; None for the whole.

    Returns:
        (h, w, n), in the type of the file, C-contiguous.
    """
    from rasterio.windows import Window

    x0, y0, x1, y1 = (0, 0, file.width, file.height) if box_xyxy is None else box_xyxy
    values = np.empty((y1 - y0, x1 - x0, len(positions)), file.dtypes[0])
    for at, position in enumerate(positions):  # one at a time: never twice the memory
        values[..., at] = file.read(position + 1, window=Window(x0, y0, x1 - x0, y1 - y0))
    return values


def system_of(source: str | os.PathLike[str] | bytes) -> str | None:
    """The coordinate reference system of a GeoTIFF.

    Returns:
        "EPSG:n" if it is that exactly, else a definition as text (WKT); None if there is none.

    Raises:
        OSError: rasterio cannot open the file.
    """
    with opened(source, 0) as file:
        return _named_system(file.crs)


def _named_system(crs: Any) -> str | None:  # Any: rasterio has no types
    if not crs:
        return None
    authority = crs.to_authority(confidence_threshold=100)
    return f"{authority[0]}:{authority[1]}" if authority else str(crs.to_wkt())


def to_longitude_latitude(system: str, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates of any system as longitude and latitude in degrees of WGS 84.

    Args:
        system: as from `system_of`.
        points: (N, 2), x (east) first.

    Returns:
        (N, 2).

    Raises:
        ValueError: the system is not understood, lies nowhere on Earth, or has no such place.
    """
    from rasterio._err import CPLE_BaseError  # what its own modules catch; nothing public is above it
    from rasterio.errors import RasterioError
    from rasterio.warp import transform

    try:
        longitudes, latitudes = transform(system, "OGC:CRS84", *points.T)
    except (RasterioError, CPLE_BaseError) as error:
        raise ValueError(f"{error}") from error
    return np.stack([longitudes, latitudes], 1)
