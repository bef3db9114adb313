"""GeoJSON: polygons with holes along pixel edges, in ground coordinates or in pixels.

One file per image, since each may have its own coordinate reference system. If that has a code, the coordinates are
unchanged and the system is named in the form GDAL and QGIS read (the `crs` member of GeoJSON 2008; RFC 7946 has only
longitude and latitude). Coordinates in a system without a code are converted to longitude and latitude. An image
without a georeference has pixel coordinates, (0, 0) being the top left corner of the top left pixel.

Source: RFC 7946; the GeoJSON format specification 2008, section 3.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from samara.datasets.annotated import AnnotatedImage, GeoReference
from samara.datasets.writing.image_files import new_file, relative_name
from samara.datasets.writing.json_list import json_text
from samara.datasets.writing.staged_writer import StagedWriter
from samara.errors import OutputError
from samara.images.gdal import to_longitude_latitude
from samara.masks.outlines import Ring, parts_of
from samara.system.extras import is_installed

if TYPE_CHECKING:
    from samara.masks.rle import Rle

# The default system of RFC 7946.
_LONGITUDE_LATITUDE = {"EPSG:4326", "OGC:CRS84"}
_CODE = re.compile(r"[A-Za-z]+:\d+|OGC:CRS84|urn:ogc:def:crs:[^ ]+")
_HALF_WAY_ROUND = 180  # degrees between two adjacent corners
_PIXELS = (
    "The coordinates are pixels, x to the right and y downwards from the top left corner of the image; GIS programs "
    "read them as longitude and latitude."
)


class GeoJsonWriter(StagedWriter):
    """One feature collection per image, in the tree of the images: lossless."""

    is_folder: ClassVar[bool] = True

    @classmethod
    def file_of(cls, file_name: str) -> Path:
        """See `StagedWriter`."""
        return relative_name(file_name, ".geojson")

    def _add(self, image: AnnotatedImage) -> None:
        require_coordinates(image)
        path = new_file(self.staged / self.file_of(image.file_name), image)
        height, width = image.masks.size_hw
        place = image.georeference
        collection: dict[str, Any] = {"type": "FeatureCollection", **_system(place)}
        collection["samara"] = self.provenance | {
            "file_name": image.file_name,
            "width": width,
            "height": height,
            "coordinates": "pixels" if place is None else place.crs if has_code(place) else "OGC:CRS84",
        }
        if place is None:
            self.meter.add_unplaced()
            collection["samara"]["note"] = _PIXELS
        elif not has_code(place):
            collection["samara"]["from"] = place.crs
        collection["features"] = [_feature(image, index) for index in range(len(image.masks))]
        path.write_text(json_text(collection) + "\n", encoding="ascii")
        for index in range(len(image.masks)):
            self.meter.add(image, index, 1.0)

    def _finish(self) -> None:
        pass


def require_coordinates(image: AnnotatedImage) -> None:
    """Check that the coordinates of an image can be expressed, if it is georeferenced.

    Raises:
        OutputError: its georeference is invalid, or in an unnamed system.
    """
    if image.misplaced is not None:
        raise OutputError(
            f"{image.file_name!r} has no coordinates for GeoJSON: {image.misplaced.rstrip('.')}; fix its "
            "georeference, or leave geojson out"
        )
    if image.georeference is not None and image.georeference.crs is None:
        # rasterio reads systems defined without a code; without it they look like none.
        way = "" if is_installed("rasterio") else "pip install 'samara[geo]' to read systems without an EPSG code, or "
        raise OutputError(
            f"{image.file_name!r} does not name its coordinate reference system, and GeoJSON would be read as "
            f"longitude and latitude; {way}name the system, for example with gdal_edit.py -a_srs EPSG:32633"
        )


def has_code(place: GeoReference) -> bool:
    """Return whether the coordinate reference system has a name that a file can contain."""
    return place.crs is not None and _CODE.fullmatch(place.crs) is not None


def _system(place: GeoReference | None) -> dict[str, Any]:
    """Return the member that names the coordinate reference system, if needed."""
    if place is None or place.crs is None or place.crs in _LONGITUDE_LATITUDE or not has_code(place):
        return {}
    authority, _, code = place.crs.partition(":")
    name = f"urn:ogc:def:crs:{authority}::{code}" if authority.isalpha() and code.isdigit() else place.crs
    return {"crs": {"type": "name", "properties": {"name": name}}}


def _feature(image: AnnotatedImage, index: int) -> dict[str, Any]:
    masks = image.masks
    properties: dict[str, Any] = {
        "file_name": image.file_name,
        "mask": index,
        "area_px": int(masks.areas[index]),
        "predicted_iou": float(masks.predicted_iou[index]),
    }
    if masks.stability_score is not None:
        properties["stability_score"] = float(masks.stability_score[index])
    if image.category(index) is not None:
        properties["category"] = image.category(index)
    return {
        "type": "Feature",
        "id": index,
        "properties": properties,
        "geometry": _geometry(image, masks.rles[index]),
    }


def _geometry(image: AnnotatedImage, rle: Rle) -> dict[str, Any] | None:
    """Return a polygon or multi-polygon; None ("unlocated" in RFC 7946) for an empty mask."""
    parts = [[_closed(image, ring) for ring in (part.shell, *part.holes)] for part in parts_of(rle)]
    if not parts:
        return None
    if len(parts) == 1:
        return {"type": "Polygon", "coordinates": parts[0]}
    return {"type": "MultiPolygon", "coordinates": parts}


def _closed(image: AnnotatedImage, ring: Ring) -> list[list[float]]:
    """Return a closed ring in ground or pixel coordinates.

    Shells are anticlockwise with the second coordinate upwards, as RFC 7946 requires.
    """
    place = image.georeference
    closed = np.concatenate([ring, ring[:1]])
    coordinates: list[list[float]]
    if place is None:
        coordinates = closed.tolist()
        return coordinates
    a, b, c, d, e, f = place.transform
    x, y = closed.T
    placed = np.stack([a * x + b * y + c, d * x + e * y + f], 1)
    if place.crs is not None and not has_code(place):
        placed = _in_degrees(image, place.crs, placed)
    coordinates = (placed if place.determinant > 0 else placed[::-1]).tolist()
    return coordinates


def _in_degrees(image: AnnotatedImage, crs: str, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Convert corners to longitude and latitude."""
    try:
        degrees = to_longitude_latitude(crs, points)
    except ValueError as error:
        raise OutputError(
            f"{image.file_name!r} has a coordinate reference system without a code that cannot be converted to "
            f"longitude and latitude ({error!s:.100}); reproject the image to one with an EPSG code first"
        ) from error
    if (np.abs(np.diff(degrees[:, 0])) > _HALF_WAY_ROUND).any():
        raise OutputError(
            f"a mask of {image.file_name!r} crosses the antimeridian or a pole, where longitudes jump; reproject the "
            "image to a coordinate reference system with an EPSG code first"
        )
    return degrees
