"""GeoJSON: valid by GEOS, and the masks again by its point-in-polygon test."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

import numpy as np
import pytest
import shapely
import shapely.geometry

from samara.datasets.annotated import GeoReference
from samara.datasets.geojson import GeoJsonWriter
from samara.datasets.writing import WriterOptions
from tests.datasets.awkward import CORNERS, EMPTY, HOLE, MASKS, PARTS, annotated, awkward_images

UTM = GeoReference((0.5, 0, 399_960, 0, -0.5, 5_300_040), "EPSG:32633")
TURNED = GeoReference((0.4, -0.3, 100, 0.3, 0.4, 200), "EPSG:3857")
PIXELS = GeoReference((1, 0, 0, 0, 1, 0))


def written(out, images, **options):
    with GeoJsonWriter(out, WriterOptions(**options)) as writer:
        for image in images:
            writer.add(image)
    return [json.loads((out / PurePosixPath(image.file_name).with_suffix(".geojson")).read_text()) for image in images]


def rings(geometry):
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    return [ring for polygon in polygons for ring in polygon]


@pytest.mark.parametrize("georeference", [None, UTM, TURNED], ids=["pixels", "north up", "turned"])
@pytest.mark.parametrize("name", MASKS)
def test_masks_come_back(tmp_path, name, georeference):
    mask = MASKS[name]
    (collection,) = written(tmp_path / "geojson", [annotated([mask], georeference=georeference)])
    (feature,) = collection["features"]
    geometry = shapely.geometry.shape(feature["geometry"])
    assert geometry.is_valid, shapely.is_valid_reason(geometry)
    place = georeference or PIXELS
    a, b, c, d, e, f = place.transform
    y, x = np.indices(mask.shape) + 0.5
    np.testing.assert_array_equal(shapely.contains_xy(geometry, a * x + b * y + c, d * x + e * y + f), mask)
    assert geometry.area == pytest.approx(mask.sum() * abs(place.determinant))
    for ring in rings(feature["geometry"]):
        assert ring[0] == ring[-1]
    for polygon in getattr(geometry, "geoms", [geometry]):  # RFC 7946, 3.1.6
        assert polygon.exterior.is_ccw
        assert not any(hole.is_ccw for hole in polygon.interiors)


def test_holes_and_parts(tmp_path):
    (collection,) = written(tmp_path / "geojson", [annotated([HOLE, PARTS, CORNERS, EMPTY])])
    hole, parts, corners, empty = (feature["geometry"] for feature in collection["features"])
    assert (hole["type"], len(hole["coordinates"])) == ("Polygon", 3)
    assert (parts["type"], len(parts["coordinates"])) == ("MultiPolygon", 3)
    assert corners["type"] == "Polygon"
    assert empty is None


def test_images_lie_in_files_of_their_own(tmp_path):
    images = awkward_images()
    collections = written(tmp_path / "geojson", images, info={"checkpoint": "vit_b"})
    for collection, image in zip(collections, images, strict=True):
        assert collection["type"] == "FeatureCollection"
        assert len(collection["features"]) == len(image.masks)
        about = collection["samara"]
        assert (about["file_name"], about["width"], about["height"]) == (image.file_name, 30, 20)
        assert (about["checkpoint"], about["coordinates"]) == ("vit_b", "pixels")
        for index, feature in enumerate(collection["features"]):
            assert feature["properties"]["area_px"] == image.masks.areas[index]
            assert "category" not in feature["properties"]


def test_categories_are_kept(tmp_path):
    (collection,) = written(tmp_path / "geojson", [annotated([HOLE], categories=("Straße",))])
    assert collection["features"][0]["properties"]["category"] == "Straße"


@pytest.mark.parametrize(
    ("crs", "name"),
    [
        ("EPSG:32633", "urn:ogc:def:crs:EPSG::32633"),
        ("EPSG:4326", None),
        ("OGC:CRS84", None),
        (None, None),
        ("urn:ogc:def:crs:EPSG::25832", "urn:ogc:def:crs:EPSG::25832"),
    ],
)
def test_the_system_is_named_where_it_is_not_the_standards_own(tmp_path, crs, name):
    place = GeoReference(UTM.transform, crs)
    (collection,) = written(tmp_path / "geojson", [annotated([HOLE], georeference=place)])
    assert collection.get("crs", {}).get("properties", {}).get("name") == name
    assert collection["samara"]["coordinates"] == crs
