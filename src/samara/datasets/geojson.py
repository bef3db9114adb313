"""GeoJSON: polygons with holes along the pixels' edges, in coordinates of the ground or in pixels.

A file for each picture, since each may have a coordinate reference system of its own. An image with a georeference has
its coordinates, and the system named as GDAL and QGIS read it (the `crs` member of GeoJSON 2008; RFC 7946 knows
longitude and latitude alone). An image without one has pixels, (0, 0) the top left corner of the top left pixel.

Source: RFC 7946; the GeoJSON format specification 2008, section 3.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from samara.datasets.annotated import AnnotatedImage, GeoReference
from samara.datasets.json_list import json_text
from samara.datasets.picture_files import new_file, relative_name
from samara.datasets.writing import StagedWriter
from samara.masks.outlines import Ring, parts_of

if TYPE_CHECKING:
    from samara.masks.rle import Rle

# What RFC 7946 takes for granted.
_LONGITUDE_LATITUDE = {"EPSG:4326", "OGC:CRS84"}


class GeoJsonWriter(StagedWriter):
    """A feature collection for each picture, with the tree of the pictures: lossless."""

    is_folder: ClassVar[bool] = True

    @classmethod
    def file_of(cls, file_name: str) -> Path:
        """See `StagedWriter`."""
        return relative_name(file_name, ".geojson")

    def _add(self, image: AnnotatedImage) -> None:
        path = new_file(self.staged / self.file_of(image.file_name), image)
        height, width = image.masks.size_hw
        collection: dict[str, Any] = {"type": "FeatureCollection", **_system(image.georeference)}
        collection["samara"] = self.provenance | {
            "file_name": image.file_name,
            "width": width,
            "height": height,
            "coordinates": "pixels" if image.georeference is None else image.georeference.crs,
        }
        collection["features"] = [_feature(image, index) for index in range(len(image.masks))]
        path.write_text(json_text(collection) + "\n", encoding="ascii")
        for index in range(len(image.masks)):
            self.meter.add(image, index, 1.0)

    def _finish(self) -> None:
        pass


def _system(georeference: GeoReference | None) -> dict[str, Any]:
    """The member that names the coordinate reference system, where one is needed."""
    crs = None if georeference is None else georeference.crs
    if crs is None or crs in _LONGITUDE_LATITUDE:
        return {}
    authority, _, code = crs.partition(":")
    name = f"urn:ogc:def:crs:{authority}::{code}" if authority.isalpha() and code.isdigit() else crs
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
        "geometry": _geometry(masks.rles[index], image.georeference),
    }


def _geometry(rle: Rle, georeference: GeoReference | None) -> dict[str, Any] | None:
    """Polygon or multi-polygon; None, "unlocated" as RFC 7946 calls it, for an empty mask."""
    parts = [[_closed(ring, georeference) for ring in (part.shell, *part.holes)] for part in parts_of(rle)]
    if not parts:
        return None
    if len(parts) == 1:
        return {"type": "Polygon", "coordinates": parts[0]}
    return {"type": "MultiPolygon", "coordinates": parts}


def _closed(ring: Ring, georeference: GeoReference | None) -> list[list[float]]:
    """A ring of the ground or of pixels, its first corner again at the end.

    Shells go anticlockwise where the second coordinate grows upwards, as RFC 7946 wants it.
    """
    closed = np.concatenate([ring, ring[:1]])
    coordinates: list[list[float]]
    if georeference is None:
        coordinates = closed.tolist()
        return coordinates
    a, b, c, d, e, f = georeference.transform
    x, y = closed.T
    placed = np.stack([a * x + b * y + c, d * x + e * y + f], 1)
    coordinates = (placed if georeference.determinant > 0 else placed[::-1]).tolist()
    return coordinates
