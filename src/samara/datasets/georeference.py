"""Georeference of an image, from the tags of a GeoTIFF or a sidecar file.

Used however the image itself is read. Follows GDAL's order: an `.aux.xml` next to the file, its own tags, a world file.
rasterio (extra `geo`) is needed only for systems without an EPSG code.

Source: OGC 19-008r4, "GeoTIFF Standard 1.1".
"""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

from samara.datasets.annotated import GeoReference
from samara.datasets.beside_images import read_auxiliary, read_world_file
from samara.errors import DatasetError
from samara.images.gdal import system_of
from samara.images.read import is_turned
from samara.images.tiff_pages import (
    GEO_KEYS,
    PIXEL_SCALE,
    RATIONAL_POLYNOMIALS,
    TIE_POINTS,
    TRANSFORMATION,
    Page,
    is_tiff,
    read_pages,
)
from samara.system.extras import is_installed

_DAMAGED = (SyntaxError, ValueError, TypeError, LookupError, EOFError, struct.error)

_RASTER_TYPE, _GEOGRAPHIC_CRS, _PROJECTED_CRS = 1025, 2048, 3072
_PIXEL_IS_POINT = 2
# Codes above are user-defined.
_LARGEST_EPSG = 32766


def read_georeference(image: str | Path | bytes) -> GeoReference | None:
    """Read the transform and the coordinate reference system of an image.

    Args:
        image: path of an image of any kind, whose header and sidecar files are read; or its bytes.

    Returns:
        None if the image is not georeferenced. `crs` is "EPSG:n"; for a system without a code its definition (WKT), if
        rasterio is installed; None if unknown.

    Raises:
        DatasetError: the file cannot be read, its georeference is damaged or not a transform (several tie points,
            rational polynomials), or its EXIF orientation rotates it.
    """
    path = None if isinstance(image, bytes) else Path(image)
    name = "The image" if path is None else repr(str(path))
    page = _first_page(image, name)
    try:
        georeference = _read(image, page)
    except (TypeError, ValueError, IndexError, ArithmeticError, OSError) as error:
        raise DatasetError(f"The georeference of {name} is invalid: {error}") from error
    if georeference is not None and is_turned(image):
        raise DatasetError(
            f"{name} has both a georeference and an EXIF orientation, so its pixels and coordinates no longer match; "
            "save it upright."
        )
    return georeference


def _read(image: str | Path | bytes, page: Page | None) -> GeoReference | None:
    auxiliary = world = None
    if not isinstance(image, bytes):
        auxiliary, world = read_auxiliary(Path(image)), read_world_file(Path(image))
    own = None if page is None else _transform(page)
    transform = (auxiliary and auxiliary.transform) or own or world
    if transform is None:
        _refuse_other_places(page, is_tied_by_points=auxiliary is not None and auxiliary.is_tied_by_points)
        return None
    crs = (auxiliary and auxiliary.crs) or (None if page is None else _system(image, page))
    a, b, c, d, e, f = transform
    return GeoReference((a, b, c, d, e, f), crs)


def _first_page(image: str | Path | bytes, name: str) -> Page | None:
    """Return the first page of a TIFF; None for other images."""
    try:
        with io.BytesIO(image) if isinstance(image, bytes) else Path(image).open("rb") as file:
            return read_pages(file)[0] if is_tiff(file.read(4)) else None
    except OSError as error:
        raise DatasetError(f"{name} cannot be read ({error.strerror or error}).") from error
    except _DAMAGED as error:
        raise DatasetError(f"{name} is a damaged TIFF ({error}); export it again.") from error


def _transform(page: Page) -> tuple[float, ...] | None:
    """Return `GeoReference.transform` from the tags."""
    transform = _of_what_is_meant(page)
    if transform is None or _keys(page).get(_RASTER_TYPE) != _PIXEL_IS_POINT:
        return transform
    a, b, c, d, e, f = transform
    # The file refers to the centre of the first pixel, we to its corner.
    return a, b, c - (a + b) / 2, d, e, f - (d + e) / 2


def _of_what_is_meant(page: Page) -> tuple[float, ...] | None:
    """Return the transform for the point of a pixel that the file refers to."""
    matrix = [float(number) for number in page.numbers(TRANSFORMATION)]
    if matrix:
        if len(matrix) != 16:
            raise ValueError(f"the transformation has {len(matrix)} numbers, not 16")
        return matrix[0], matrix[1], matrix[3], matrix[4], matrix[5], matrix[7]
    tie = [float(number) for number in page.numbers(TIE_POINTS)]
    scale = [float(number) for number in page.numbers(PIXEL_SCALE)]
    if not tie or (not scale and len(tie) == 6):
        return None
    if len(tie) != 6:
        raise ValueError(f"{len(tie) // 6} tie points are not one transform; rectify the image first")
    column, row, _, x, y, _ = tie
    width, height = scale[:2]
    return width, 0.0, x - column * width, 0.0, -height, y + row * height


def _refuse_other_places(page: Page | None, *, is_tied_by_points: bool) -> None:
    """Refuse a georeference that no transform can express.

    Raises:
        ValueError: the image has one.
    """
    if is_tied_by_points:
        raise ValueError("the tie points in its .aux.xml are not one transform; rectify the image first")
    if page is not None and RATIONAL_POLYNOMIALS in page.tags:
        raise ValueError("rational polynomials (RPC) are not one transform; orthorectify the image first")


def _system(image: str | Path | bytes, page: Page) -> str | None:
    """Return the coordinate reference system that the tags name or define."""
    keys = _keys(page)
    code = keys.get(_PROJECTED_CRS, keys.get(_GEOGRAPHIC_CRS, 0))
    if 0 < code <= _LARGEST_EPSG:
        return f"EPSG:{code}"
    return system_of(image) if keys and is_installed("rasterio") else None


def _keys(page: Page) -> dict[int, int]:
    """Return the geo keys whose value is a number in the directory itself."""
    numbers: list[Any] = [int(number) for number in page.numbers(GEO_KEYS)]
    entries = [numbers[place : place + 4] for place in range(4, len(numbers) - 3, 4)]
    return {key: value for key, location, _, value in entries if location == 0}
