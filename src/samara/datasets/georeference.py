"""Where a GeoTIFF lies, read from its tags without a geographic library.

Source: OGC 19-008r4, "GeoTIFF Standard 1.1".
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from PIL import TiffImagePlugin

from samara.datasets.annotated import GeoReference
from samara.errors import DatasetError

# TIFF and BigTIFF, of either byte order.
_BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# What Pillow raises for files that claim what they do not hold.
_DAMAGED = (SyntaxError, ValueError, TypeError, LookupError, AttributeError, EOFError, struct.error)

_PIXEL_SCALE, _TIE_POINT, _TRANSFORMATION, _GEO_KEYS, _ORIENTATION = 33550, 33922, 34264, 34735, 274
_RASTER_TYPE, _GEOGRAPHIC_CRS, _PROJECTED_CRS = 1025, 2048, 3072
_PIXEL_IS_POINT = 2
# Codes above are the user's own definition, which no authority knows.
_LARGEST_EPSG = 32766


def read_georeference(path: Path) -> GeoReference | None:
    """Read the transform and the coordinate reference system of a picture.

    Args:
        path: a picture of any kind; only the header is read.

    Returns:
        None if the picture is no GeoTIFF or has no transform. `crs` is "EPSG:n", or None if the file defines a
        system of its own.

    Raises:
        DatasetError: the file cannot be read, its geographic tags are damaged, it is tied to the ground by several
            points (which no transform can say), or it is to be turned when shown.
    """
    tags = _tags(Path(path))
    try:
        georeference = _from_tags(tags)
    except (TypeError, ValueError, IndexError, ArithmeticError) as error:
        raise DatasetError(f"The geographic tags of {str(path)!r} are not understood: {error}") from error
    if georeference is not None and tags.get(_ORIENTATION, 1) != 1:
        raise DatasetError(
            f"{str(path)!r} has both a georeference and an orientation to be shown in; its pixels and its coordinates "
            "do not belong together any more: save it upright."
        )
    return georeference


def _tags(path: Path) -> dict[int, Any]:  # Any: what the file holds
    """The tags of the first page; none for a picture of another kind."""
    try:
        with path.open("rb") as file:
            if file.read(len(_BEGINNINGS[0])) not in _BEGINNINGS:
                return {}
        # Not Image.open: it refuses maps for their size, and nothing is decoded here.
        with TiffImagePlugin.TiffImageFile(path) as picture:
            return dict(picture.tag_v2)
    except OSError as error:
        raise DatasetError(f"{str(path)!r} cannot be read ({error.strerror or error}).") from error
    except _DAMAGED as error:
        raise DatasetError(f"{str(path)!r} is a damaged TIFF ({error}); export it again.") from error


def _from_tags(tags: dict[int, Any]) -> GeoReference | None:  # Any: what the file holds
    transform = _transform(tags)
    if transform is None:
        return None
    keys = _keys(tags.get(_GEO_KEYS, ()))
    a, b, c, d, e, f = transform
    if keys.get(_RASTER_TYPE) == _PIXEL_IS_POINT:
        # The file means the middle of the first pixel, we its corner.
        c, f = c - (a + b) / 2, f - (d + e) / 2
    code = keys.get(_PROJECTED_CRS, keys.get(_GEOGRAPHIC_CRS, 0))
    return GeoReference((a, b, c, d, e, f), f"EPSG:{code}" if 0 < code <= _LARGEST_EPSG else None)


def _transform(tags: dict[int, Any]) -> tuple[float, ...] | None:  # Any: what the file holds
    """As `GeoReference.transform`, but of the point that the file means."""
    if _TRANSFORMATION in tags:
        matrix = [float(number) for number in tags[_TRANSFORMATION]]
        if len(matrix) != 16:
            raise ValueError(f"the transformation has {len(matrix)} numbers, not 16")
        return matrix[0], matrix[1], matrix[3], matrix[4], matrix[5], matrix[7]
    if _PIXEL_SCALE not in tags or _TIE_POINT not in tags:
        return None
    tie = [float(number) for number in tags[_TIE_POINT]]
    if len(tie) != 6:
        raise ValueError(f"{len(tie) // 6} tie points are not one transform; rectify the picture first")
    column, row, _, x, y, _ = tie
    width, height = (float(number) for number in tags[_PIXEL_SCALE][:2])
    return width, 0.0, x - column * width, 0.0, -height, y + row * height


def _keys(directory: Any) -> dict[int, int]:  # Any: what the file holds
    """Geo keys whose value is a number in the directory itself."""
    numbers = [int(number) for number in directory]
    entries = [numbers[place : place + 4] for place in range(4, len(numbers) - 3, 4)]
    return {key: value for key, location, _, value in entries if location == 0}
