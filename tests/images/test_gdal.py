"""GDAL sees one file alone, from disk or memory, page by page."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from samara.errors import ImageError
from samara.images.gdal import opened, read_values, require_rasterio, system_of, to_longitude_latitude
from tests.images.encoding import PHOTO
from tests.images.geotiffs import values_of, write

pytest.importorskip("rasterio")


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "a.tif", values_of(4, "uint16"))


def test_bands_and_windows_of_files_and_of_bytes(path):
    values = values_of(4, "uint16").transpose(1, 2, 0)
    for source in (path, str(path), path.read_bytes()):
        with opened(source, 0) as file:
            np.testing.assert_array_equal(read_values(file, (2, 0)), values[..., [2, 0]])
            np.testing.assert_array_equal(read_values(file, (3,), (5, 7, 20, 9)), values[7:9, 5:20, 3:])


def test_later_pages(tmp_path):
    frames = [Image.fromarray(PHOTO), Image.fromarray(PHOTO[::-1])]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    for source in (tmp_path / "a.tif", (tmp_path / "a.tif").read_bytes()):
        with opened(source, 1) as file:
            np.testing.assert_array_equal(read_values(file, (0, 1, 2)), PHOTO[::-1])


def test_nothing_beside_the_file_counts(path):
    before = path.read_bytes()
    write(path.with_name("a.tif.msk"), values_of(1, "uint8"))
    path.with_name("a.tif.aux.xml").write_text(
        "<PAMDataset><SRS>EPSG:3857</SRS><GeoTransform>1,2,3,4,5,6</GeoTransform></PAMDataset>"
    )
    with opened(path, 0) as file:
        assert file.crs.to_epsg() == 32633
        assert [mask.name for mask in file.mask_flag_enums[0]] == ["all_valid"]
    assert path.read_bytes() == before


def test_coordinate_reference_systems(path):
    assert system_of(path) == "EPSG:32633"
    ((longitude, latitude),) = to_longitude_latitude("EPSG:32633", np.array([[500_000.0, 0.0]]))
    assert (longitude, latitude) == pytest.approx((15, 0))
    for system, point in (("nonsense", (0.0, 0.0)), ("EPSG:32633", (1e30, 1e30))):
        with pytest.raises(ValueError, match="."):
            to_longitude_latitude(system, np.array([point]))


def test_without_rasterio(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rasterio", None)
    with pytest.raises(ImageError, match=r"'a' is odd, which needs rasterio: pip install 'samara\[geo\]'"):
        require_rasterio("'a'", "is odd")
