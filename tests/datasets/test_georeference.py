"""GeoTIFFs that rasterio made, against what rasterio reads of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from samara.datasets.georeference import read_georeference
from samara.errors import DatasetError

FOLDER = Path(__file__).parent / "geotiff"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())
SCALE, TIE, MATRIX, KEYS, ORIENTATION = 33550, 33922, 34264, 34735, 274


@pytest.mark.parametrize("name", EXPECTED)
def test_as_rasterio(name):
    georeference = read_georeference(FOLDER / f"{name}.tif")
    assert georeference.transform == pytest.approx(EXPECTED[name]["transform"])
    assert georeference.crs == EXPECTED[name]["crs"]


def tagged(path, size=(4, 3), **tags):
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, (kind, values) in tags.items():
        number = {"scale": SCALE, "tie": TIE, "matrix": MATRIX, "keys": KEYS, "orientation": ORIENTATION}[tag]
        directory.tagtype[number] = kind
        directory[number] = values
    Image.new("L", size).save(path, tiffinfo=directory)
    return path


DOUBLE, SHORT = 12, 3


def test_tied_elsewhere_than_at_the_first_pixel(tmp_path):
    path = tagged(tmp_path / "a.tif", scale=(DOUBLE, (2.0, 2.0, 0.0)), tie=(DOUBLE, (10.0, 5.0, 0, 1000.0, 500.0, 0)))
    assert read_georeference(path).transform == (2, 0, 980, 0, -2, 510)
    assert read_georeference(path).crs is None


def test_pictures_without_a_place(tmp_path):
    Image.new("L", (4, 3)).save(tmp_path / "a.tif")
    Image.new("L", (4, 3)).save(tmp_path / "a.png")
    assert read_georeference(tmp_path / "a.tif") is None
    assert read_georeference(str(tmp_path / "a.png")) is None


def test_maps_are_not_refused_for_their_size(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2)
    assert read_georeference(FOLDER / "north_up.tif").crs == "EPSG:32633"


def test_several_tie_points(tmp_path):
    path = tagged(tmp_path / "a.tif", scale=(DOUBLE, (1.0, 1.0, 0.0)), tie=(DOUBLE, tuple(map(float, range(12)))))
    with pytest.raises(DatasetError, match=r"2 tie points are not one transform; rectify"):
        read_georeference(path)


@pytest.mark.parametrize("matrix", [(1.0,) * 15, (0.0,) * 16, (float("nan"),) * 16])
def test_damaged_transforms(tmp_path, matrix):
    with pytest.raises(DatasetError):
        read_georeference(tagged(tmp_path / "a.tif", matrix=(DOUBLE, matrix)))


def test_turned_pictures_have_lost_their_place(tmp_path):
    tags = {"scale": (DOUBLE, (1.0, 1.0, 0.0)), "tie": (DOUBLE, (0.0,) * 6), "orientation": (SHORT, 6)}
    with pytest.raises(DatasetError, match="an orientation to be shown in"):
        read_georeference(tagged(tmp_path / "a.tif", **tags))


def test_no_file(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        read_georeference(tmp_path / "absent.tif")


@given(st.integers(0, 723), st.binary(min_size=1, max_size=9))
def test_damaged_files(tmp_path_factory, place, junk):
    data = bytearray((FOLDER / "north_up.tif").read_bytes())
    data[place : place + len(junk)] = junk
    path = tmp_path_factory.getbasetemp() / "damaged.tif"
    path.write_bytes(data)
    try:
        georeference = read_georeference(path)
    except DatasetError:
        return
    except UserWarning:  # Pillow's, which are errors in this project's tests
        return
    assert georeference is None or np.isfinite(georeference.transform).all()
