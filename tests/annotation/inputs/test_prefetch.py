"""Reading ahead: in order, bounded, and honest about what cannot be read."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest
from PIL import Image

from samara.annotation.inputs import prefetch
from samara.annotation.inputs.decoded import DecodedImage, ImageOnDisk
from samara.annotation.inputs.prefetch import Reading
from samara.annotation.inputs.sources import open_source
from samara.annotation.store.plan import PlannedImage
from samara.images.read import read_image
from tests.annotation.conftest import write_images


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_images_come_in_order_with_reasons(images, threads):
    (images / "0002.png").write_text("<html>")
    (images / "0004.png").unlink()
    source = open_source([str(images)])
    entries = [PlannedImage(number + 1, f"{number:04d}.png") for number in range(6)]
    found = list(Reading(source.read, None, threads).fetched(entries))
    assert [one.entry for one in found] == entries
    assert [one.image is not None for one in found] == [True, True, False, True, False, True]
    assert found[2].reason.startswith("'0002.png' is an HTML page")
    assert found[2].encoded.size_bytes == 6
    assert "cannot be read (No such file" in found[4].reason
    assert (found[0].image.pixels == read_image(images / "0000.png")).all()


def test_bombs_are_not_decoded(images):
    (found,) = Reading(open_source([str(images)]).read, 1000, 1).fetched([PlannedImage(1, "0000.png")])
    assert "'0000.png' declares 40 by 32 pixels, more than max_pixels=1000" in found.reason


def test_images_ahead_are_bounded(tmp_path, monkeypatch):
    write_images(tmp_path, 40)
    source, decoded, most = open_source([str(tmp_path)]), [], 0

    def decode(data, **options):
        decoded.append(data)
        return read_image(data, **options)

    monkeypatch.setattr(prefetch, "read_image", decode)
    monkeypatch.setattr(prefetch, "MAX_PIXELS_AHEAD", 3 * 40 * 32)
    entries = [PlannedImage(number + 1, f"{number:04d}.png") for number in range(40)]
    for taken, _ in enumerate(Reading(source.read, None, 4).fetched(entries), start=1):
        time.sleep(0.005)  # time enough to run ahead
        most = max(most, len(decoded) - taken)
    assert len(decoded) == 40
    assert most == 2  # and the one that was taken


def test_an_image_larger_than_the_bound_comes_alone(tmp_path, monkeypatch):
    write_images(tmp_path, 5)
    monkeypatch.setattr(prefetch, "MAX_PIXELS_AHEAD", 10)
    found = list(
        Reading(open_source([str(tmp_path)]).read, None, 2).fetched(
            [PlannedImage(1, "0000.png"), PlannedImage(2, "0001.png")]
        )
    )
    assert all(one.image is not None for one in found)


def test_closing_stops_the_threads(images):
    before = threading.active_count()
    found = Reading(open_source([str(images)]).read, None, 2).fetched(
        [PlannedImage(n, "0000.png") for n in range(1, 30)]
    )
    next(found)
    found.close()
    assert threading.active_count() == before


def fetched(path, **options):
    """The image as `annotate` gets it, with tiles and without."""
    source = open_source([str(path)])
    (entry,) = source.entries()
    return [
        Reading(source.read, None, 0, by_windows=by_windows, **options).fetch(entry) for by_windows in (True, False)
    ]


def test_tiles_see_the_same_image_in_the_same_place(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    values = np.random.default_rng(0).integers(0, 65536, (4, 40, 60), dtype=np.uint16)
    affine = rasterio.Affine(0.5, 0, 399_960, 0, -0.5, 5_300_040)
    with rasterio.open(tmp_path / "a.tif", "w", "GTiff", 60, 40, 4, "EPSG:25832", affine, "uint16") as file:
        file.colorinterp = [rasterio.enums.ColorInterp[name] for name in ("blue", "green", "red", "undefined")]
        file.write(values)
    (tmp_path / "a.tfw").write_text("9 0 0 -9 0 0")
    windows, whole = fetched(tmp_path / "a.tif")
    assert isinstance(windows.image, ImageOnDisk)
    assert isinstance(whole.image, DecodedImage)
    box = (5, 7, 31, 22)
    np.testing.assert_array_equal(windows.image.window(box), whole.image.window(box))
    assert windows.image.georeference == whole.image.georeference
    assert json.loads(whole.image.georeference) == {"transform": [*affine][:6], "crs": "EPSG:25832"}


@pytest.mark.parametrize("kind", ["four bands", "four ground control points", "turned", "frames"])
def test_tiles_are_refused_what_the_whole_is_refused(tmp_path, kind):
    rasterio = pytest.importorskip("rasterio")
    path = tmp_path / "a.tif"
    if kind == "frames":
        frames = [Image.new("L", (20, 30), value) for value in (0, 90)]
        frames[0].save(path, save_all=True, append_images=frames[1:])
    elif kind == "turned":
        Image.new("L", (20, 30)).save(path, tiffinfo={274: 6})
    else:
        bands = 4 if kind == "four bands" else 1
        shape = {"count": bands, "height": 40, "width": 60, "dtype": "uint16"}
        with rasterio.open(
            path, "w", driver="GTiff", crs="EPSG:32633", transform=rasterio.Affine(2, 0, 0, 0, 2, 0), **shape
        ) as file:
            if bands == 1:
                corners = ((0, 0), (0, 60), (40, 0), (40, 60))
                file.gcps = [rasterio.control.GroundControlPoint(y, x, x, -y) for y, x in corners], file.crs
            file.write(np.full((bands, 40, 60), 60_000, np.uint16))
    windows, whole = fetched(path)
    if kind in ("four bands", "frames"):
        assert windows.reason == whole.reason
        assert whole.reason.startswith("'")
        assert str(tmp_path) not in whole.reason or path.name in whole.reason
    else:
        assert windows.image.size_hw == whole.image.size_hw
        assert windows.image.georeference == whole.image.georeference
    if kind == "four ground control points":
        assert "4 tie points are not one transform" in json.loads(whole.image.georeference)["misplaced"]
    if kind == "frames":
        assert [one.image.size_hw for one in fetched(path, frame=1)] == [(30, 20)] * 2
