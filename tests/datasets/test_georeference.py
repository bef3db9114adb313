"""GeoTIFFs that rasterio made, against what rasterio reads of them."""

from __future__ import annotations

import json
import sys
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
SCALE, TIE, MATRIX, KEYS, ORIENTATION, RPC = 33550, 33922, 34264, 34735, 274, 50844
NUMBERS = {"scale": SCALE, "tie": TIE, "matrix": MATRIX, "keys": KEYS, "orientation": ORIENTATION, "rpc": RPC}


@pytest.mark.parametrize("kind", [Path, Path.read_bytes], ids=["path", "bytes"])
@pytest.mark.parametrize("name", EXPECTED)
def test_as_rasterio(name, kind):
    georeference = read_georeference(kind(FOLDER / f"{name}.tif"))
    assert georeference.transform == pytest.approx(EXPECTED[name]["transform"])
    if name != "own_system":
        assert georeference.crs == EXPECTED[name]["crs"]


def test_a_system_without_a_code_is_defined_where_rasterio_is_there(monkeypatch):
    path = FOLDER / "own_system.tif"
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(path) as file:
        assert rasterio.crs.CRS.from_wkt(read_georeference(path).crs) == file.crs
    monkeypatch.setitem(sys.modules, "rasterio", None)
    assert read_georeference(path).crs is None
    assert read_georeference(FOLDER / "north_up.tif").crs == "EPSG:32633"


def tagged(path, size=(4, 3), **tags):
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, (kind, values) in tags.items():
        number = NUMBERS[tag]
        directory.tagtype[number] = kind
        directory[number] = values
    Image.new("L", size).save(path, tiffinfo=directory)
    return path


DOUBLE, SHORT = 12, 3


def test_tied_elsewhere_than_at_the_first_pixel(tmp_path):
    path = tagged(tmp_path / "a.tif", scale=(DOUBLE, (2.0, 2.0, 0.0)), tie=(DOUBLE, (10.0, 5.0, 0, 1000.0, 500.0, 0)))
    assert read_georeference(path).transform == (2, 0, 980, 0, -2, 510)
    assert read_georeference(path).crs is None


def test_images_without_a_place(tmp_path):
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


def test_tie_points_without_a_scale(tmp_path):
    path = tagged(tmp_path / "a.tif", tie=(DOUBLE, tuple(map(float, range(24)))))
    with pytest.raises(DatasetError, match=r"4 tie points are not one transform; rectify"):
        read_georeference(path)
    assert read_georeference(tagged(tmp_path / "b.tif", tie=(DOUBLE, (0.0,) * 6))) is None


def test_rational_polynomials(tmp_path):
    path = tagged(tmp_path / "a.tif", rpc=(DOUBLE, (1.0,) * 92))
    with pytest.raises(DatasetError, match="RPC.*orthorectify"):
        read_georeference(path)


@pytest.mark.parametrize("transform", [(0.5, 0, 10, 0, 0.5, 20), (0.4, -0.3, 100, 0.3, 0.4, 200)])
def test_south_up_and_turned(tmp_path, transform):
    a, b, c, d, e, f = map(float, transform)
    path = tagged(tmp_path / "a.tif", matrix=(DOUBLE, (a, b, 0.0, c, d, e, 0.0, f, *(0.0,) * 4, 0.0, 0.0, 0.0, 1.0)))
    assert read_georeference(path).transform == pytest.approx(transform)


WORLD = "2.0\n0.0\n0.0\n-2.0\n1001.0\n499.0\n"


@pytest.mark.parametrize(
    ("image", "beside"),
    [("a.tif", "a.tfw"), ("a.tif", "a.TFW"), ("a.jpg", "a.jgw"), ("a.png", "a.pgw"), ("a.jpeg", "a.wld")],
)
def test_world_files(tmp_path, image, beside):
    Image.new("L", (4, 3)).save(tmp_path / image)
    (tmp_path / beside).write_text(WORLD)
    assert read_georeference(tmp_path / image).transform == (2, 0, 1000, 0, -2, 500)
    assert read_georeference(tmp_path / image).crs is None
    assert read_georeference((tmp_path / image).read_bytes()) is None
    (tmp_path / beside).write_text("a map of the world")
    with pytest.raises(DatasetError, match=r"a\.\w+' is invalid: .* has 5 numbers"):
        read_georeference(tmp_path / image)


def test_what_gdal_writes_beside_an_image(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    path = tmp_path / "a.png"
    affine = rasterio.Affine(0.5, 0, 399_960, 0, -0.5, 5_300_040)
    with rasterio.open(path, "w", "PNG", 4, 3, 1, "EPSG:25832", affine, "uint8") as file:
        file.write(np.zeros((1, 3, 4), np.uint8))
    assert (tmp_path / "a.png.aux.xml").exists()
    found = read_georeference(path)
    assert (found.transform, found.crs) == ((0.5, 0, 399_960, 0, -0.5, 5_300_040), "EPSG:25832")
    # It counts before what stands in the file, as in GDAL.
    (tmp_path / "north_up.tif").write_bytes((FOLDER / "north_up.tif").read_bytes())
    (tmp_path / "a.png.aux.xml").rename(tmp_path / "north_up.tif.aux.xml")
    assert read_georeference(tmp_path / "north_up.tif").crs == "EPSG:25832"


def test_a_photo_that_is_turned_when_shown(tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.new("L", (4, 3)).save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / "a.jgw").write_text(WORLD)
    with pytest.raises(DatasetError, match="an EXIF orientation"):
        read_georeference(tmp_path / "a.jpg")


@pytest.mark.parametrize("matrix", [(1.0,) * 15, (0.0,) * 16, (float("nan"),) * 16])
def test_damaged_transforms(tmp_path, matrix):
    with pytest.raises(DatasetError):
        read_georeference(tagged(tmp_path / "a.tif", matrix=(DOUBLE, matrix)))


def test_turned_images_have_lost_their_place(tmp_path):
    tags = {"scale": (DOUBLE, (1.0, 1.0, 0.0)), "tie": (DOUBLE, (0.0,) * 6), "orientation": (SHORT, 6)}
    with pytest.raises(DatasetError, match="an EXIF orientation"):
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
