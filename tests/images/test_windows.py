"""TIFFs window by window, compared with the whole."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from samara.errors import ImageError, MissingExtra
from samara.images import read_image
from samara.images.windows import WindowedImage, is_tiff

rasterio = pytest.importorskip("rasterio")


def write(path, values, **profile):
    """Values (bands, h, w) as a tiled GeoTIFF."""
    from rasterio.transform import Affine

    count, height, width = values.shape
    known = {"transform": Affine(0.5, 0, 100, 0, -0.5, 200), "crs": "EPSG:32633"} | profile
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=count,
        height=height,
        width=width,
        dtype=values.dtype,
        tiled=True,
        blockxsize=16,
        blockysize=16,
        **known,
    ) as file:
        file.write(values)
    return path


@pytest.mark.parametrize("bands", [1, 3])
def test_windows_are_parts_of_the_whole(tmp_path, bands):
    values = np.random.default_rng(bands).integers(0, 256, (bands, 50, 70), dtype=np.uint8)
    path = write(tmp_path / "a.tif", values, compress="deflate")
    image = WindowedImage.open(path)
    assert image.size_hw == (50, 70)
    assert image.transform == (0.5, 0.0, 100.0, 0.0, -0.5, 200.0)
    assert image.crs == "EPSG:32633"
    whole = read_image(path)
    for x0, y0, x1, y1 in ((0, 0, 70, 50), (3, 10, 40, 33), (69, 49, 70, 50)):
        window = image.window((x0, y0, x1, y1))
        assert (window == whole[y0:y1, x0:x1]).all()
        assert window.flags.c_contiguous


def test_a_range_is_declared_for_deep_values(tmp_path):
    values = np.array([[[0, 1000, 2000, 9000]]] * 3, dtype=np.uint16)
    path = write(tmp_path / "a.tif", values)
    with pytest.raises(ImageError, match="uint16 values"):
        WindowedImage.open(path)
    with pytest.raises(ImageError, match="give a range"):
        WindowedImage.open(path, "auto")
    window = WindowedImage.open(path, (0, 2000)).window((0, 0, 4, 1))
    assert window[0, :, 0].tolist() == [0, 128, 255, 255]
    floats = write(tmp_path / "b.tif", np.array([[[np.nan, 0.5, -9999.0, 1.0]]], dtype=np.float32))
    assert WindowedImage.open(floats, (0, 1)).window((0, 0, 4, 1))[0, :, 0].tolist() == [0, 128, 0, 255]


def test_a_plain_tiff_lies_nowhere(tmp_path):
    Image.new("RGB", (20, 10), (1, 2, 3)).save(tmp_path / "plain.tif")
    image = WindowedImage.open(tmp_path / "plain.tif")
    assert image.transform is None
    assert image.crs is None
    assert (image.window((5, 5, 9, 8)) == (1, 2, 3)).all()


def test_what_cannot_be_read_is_told(tmp_path, monkeypatch):
    with pytest.raises(ImageError, match="5 bands"):
        WindowedImage.open(write(tmp_path / "five.tif", np.zeros((5, 4, 4), np.uint8)))
    (tmp_path / "text.tif").write_text("no TIFF")
    with pytest.raises(ImageError, match="cannot be read by windows"):
        WindowedImage.open(tmp_path / "text.tif")
    path = write(tmp_path / "cut.tif", np.random.default_rng(0).integers(0, 256, (3, 64, 64), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:6000])
    with pytest.raises(ImageError, match="cannot be read"):
        WindowedImage.open(path).window((0, 0, 64, 64))
    assert is_tiff(b"II*\0")
    assert not is_tiff(b"\x89PNG")
    monkeypatch.setitem(__import__("sys").modules, "rasterio", None)
    with pytest.raises(MissingExtra, match=r"samara\[geo\]"):
        WindowedImage.open(path)
