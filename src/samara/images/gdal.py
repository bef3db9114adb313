"""Reading TIFF values with GDAL: those without a Pillow mode, and windows of those that do not fit into memory.

GDAL sees only the file itself: sidecar files (`.aux.xml`, `.msk`, `.ovr`) change no values.
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

# Warning filters are process-wide, so two threads must not change them at once.
WARNING_FILTERS = threading.RLock()

_ALONE = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": "NO"}


def require_rasterio(name: str, what: str) -> None:
    """Check that rasterio is installed.

    Raises:
        ImageError: it is not; the message describes the file and the install command.
    """
    if not is_installed("rasterio"):
        raise ImageError(f"{name} {what}, which needs rasterio: pip install 'samara[geo]'.")


@contextmanager
def opened(source: str | os.PathLike[str] | bytes, page: int) -> Iterator[Any]:  # Any: rasterio has no types
    """Open one page of a TIFF.

    Args:
        source: path of the file, or its bytes.
        page: page number, from 0.

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
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # most images are not georeferenced
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
        file: result of `opened`.
        positions: positions of the bands, from 0.
        box_xyxy: window in pixels, right and bottom exclusive; None for the whole.

    Returns:
        (h, w, n), in the type of the file, C-contiguous.
    """
    from rasterio.windows import Window

    x0, y0, x1, y1 = (0, 0, file.width, file.height) if box_xyxy is None else box_xyxy
    values = np.empty((y1 - y0, x1 - x0, len(positions)), file.dtypes[0])
    for at, position in enumerate(positions):  # one at a time, to avoid doubling the memory
        values[..., at] = file.read(position + 1, window=Window(x0, y0, x1 - x0, y1 - y0))
    return values


def system_of(source: str | os.PathLike[str] | bytes) -> str | None:
    """Return the coordinate reference system of a GeoTIFF.

    Returns:
        "EPSG:n" if it matches exactly, else a definition as text (WKT); None if there is none.

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
    """Convert coordinates of any system to longitude and latitude in degrees of WGS 84.

    Args:
        system: result of `system_of`.
        points: (N, 2), x (east) first.

    Returns:
        (N, 2).

    Raises:
        ValueError: the system is invalid, not on Earth, or does not contain the point.
    """
    from rasterio._err import CPLE_BaseError  # no public base class exists
    from rasterio.errors import RasterioError
    from rasterio.warp import transform

    try:
        longitudes, latitudes = transform(system, "OGC:CRS84", *points.T)
    except (RasterioError, CPLE_BaseError) as error:
        raise ValueError(f"{error}") from error
    return np.stack([longitudes, latitudes], 1)
