"""GeoJSON: valid by GEOS, and the masks again by its point-in-polygon test."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
import pytest
import shapely
import shapely.geometry

from samara.datasets.annotated import GeoReference
from samara.datasets.writing.geojson import GeoJsonWriter
from samara.datasets.writing.options import WriterOptions
from samara.errors import OutputError
from tests.datasets.awkward import CORNERS, EMPTY, HOLE, MASKS, PARTS, annotated, awkward_images

UTM = GeoReference((0.5, 0, 399_960, 0, -0.5, 5_300_040), "EPSG:32633")
TURNED = GeoReference((0.4, -0.3, 100, 0.3, 0.4, 200), "EPSG:3857")
LAEA = "+proj=laea +lat_0={} +lon_0={} +x_0=3 +y_0=5 +ellps=bessel +units=m"
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
        assert "pixels" in about["note"]
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
        ("urn:ogc:def:crs:EPSG::25832", "urn:ogc:def:crs:EPSG::25832"),
    ],
)
def test_the_system_is_named_where_it_is_not_the_standards_own(tmp_path, crs, name):
    place = GeoReference(UTM.transform, crs)
    (collection,) = written(tmp_path / "geojson", [annotated([HOLE], georeference=place)])
    assert collection.get("crs", {}).get("properties", {}).get("name") == name
    assert collection["samara"]["coordinates"] == crs


def test_a_system_without_a_code_becomes_longitude_and_latitude(tmp_path):
    warp = pytest.importorskip("rasterio.warp")
    place = GeoReference((500.0, 0, 3, 0, -500.0, 5), LAEA.format(47, 11))
    (collection,) = written(tmp_path / "geojson", [annotated([HOLE], georeference=place)])
    assert "crs" not in collection
    assert (collection["samara"]["coordinates"], collection["samara"]["from"]) == ("OGC:CRS84", place.crs)
    (plain,) = written(tmp_path / "plain", [annotated([HOLE], georeference=GeoReference(place.transform, "EPSG:3857"))])
    for ring, metres in zip(*(rings(one["features"][0]["geometry"]) for one in (collection, plain)), strict=True):
        np.testing.assert_allclose(np.transpose(warp.transform(place.crs, "OGC:CRS84", *np.transpose(metres))), ring)
        assert np.abs(np.array(ring) - (11, 47)).max() < 0.5


@pytest.mark.parametrize(
    ("crs", "told"),
    [
        (None, "does not name its coordinate reference system.*gdal_edit"),
        ('LOCAL_CS["site",UNIT["metre",1]]', "cannot be converted to longitude and latitude.*EPSG"),
        ("nonsense", "cannot be converted to longitude and latitude"),
        (LAEA.format(10, 180), "antimeridian or a pole"),
        (LAEA.format(90, 0), "antimeridian or a pole"),
    ],
    ids=["unknown", "of a building site", "nonsense", "antimeridian", "pole"],
)
def test_coordinates_that_nobody_could_read_are_refused(tmp_path, crs, told):
    pytest.importorskip("rasterio")
    place = GeoReference((1000.0, 0, -15_000, 0, -1000.0, 10_000), crs)
    with pytest.raises(OutputError, match=told):
        written(tmp_path / "geojson", [annotated([np.ones((20, 30), bool)], georeference=place)])
    assert not (tmp_path / "geojson").exists()


def test_a_place_that_is_not_understood_is_refused(tmp_path, monkeypatch):
    image = replace(annotated([HOLE]), misplaced="4 tie points are not one transform.")
    with pytest.raises(OutputError, match="no coordinates for GeoJSON: 4 tie points are not one transform; fix"):
        written(tmp_path / "geojson", [image])
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(OutputError, match=r"pip install 'samara\[geo\]'"):
        written(tmp_path / "geojson", [annotated([HOLE], georeference=GeoReference(UTM.transform))])


def test_images_that_lie_nowhere_are_counted(tmp_path):
    with GeoJsonWriter(tmp_path / "geojson", WriterOptions()) as writer:
        for place in (None, UTM):
            writer.add(annotated([HOLE], f"{place is None}.jpg", georeference=place))
    assert writer.losses.unplaced == 1
