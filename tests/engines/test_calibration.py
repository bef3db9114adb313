"""Which images int8 sees, and what it makes of the encoder."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

import samara
from samara.engines import calibration
from samara.engines.calibration import MAX_IMAGES, calibrated, calibration_files, calibration_inputs
from samara.errors import ImageError, SettingsError
from samara.images.bundled import BUNDLED_IMAGES
from samara.images.settings import AS_THEY_ARE, ImageReading


@pytest.fixture
def images(tmp_path):
    for name in ("b.png", "a.jpg", "c.txt"):
        path = tmp_path / name
        Image.new("RGB", (20, 10), "teal").save(path, format="PNG")
    return tmp_path


def test_the_bundled_photos_are_the_default():
    assert calibration_files(()) == tuple(map(str, BUNDLED_IMAGES))
    assert all(path.is_file() for path in BUNDLED_IMAGES)


def test_files_and_folders(images):
    assert calibration_files([images / "c.txt", images]) == tuple(
        str(images / name) for name in ("c.txt", "a.jpg", "b.png")
    )


def test_a_large_folder_is_sampled_evenly(tmp_path):
    for index in range(250):
        (tmp_path / f"{index:03}.png").touch()
    chosen = calibration_files([tmp_path])
    assert len(chosen) <= MAX_IMAGES
    assert [path[-7:-4] for path in chosen[:3]] == ["000", "003", "006"]


def test_what_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(SettingsError, match="neither an image nor a folder with images"):
        calibration_files([tmp_path])


def test_images_for_a_precision_that_needs_none(images):
    with pytest.raises(SettingsError, match="only int8 uses them"):
        samara.load("samara_mini", device="cpu", precision="float32", calibration=[images])
    loaded = samara.load("samara_mini", precision="int8", engine="openvino", calibration=[images / "a.jpg"])
    assert loaded.calibration == (str(images / "a.jpg"),)


def test_inputs(mini, images):
    (one,) = calibration_inputs(mini, [str(images / "a.jpg")])
    assert one.shape == (1, 3, 512, 512)
    assert one.dtype == np.float32


def test_deep_images_and_pages_are_read_as_asked(mini, tmp_path):
    pages = [Image.fromarray(np.full((8, 8), value, np.uint16)) for value in (0, 1000)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    images = [str(tmp_path / "a.tif")]
    with pytest.raises(ImageError, match="frame=0"):
        calibration_inputs(mini, images)
    black, white = (calibration_inputs(mini, images, ImageReading((0, 1000), frame))[0] for frame in (0, 1))
    assert black[0, :, 0, 0].tolist() < white[0, :, 0, 0].tolist()


def test_int8_is_calibrated_on_what_was_asked_for(mini, tmp_path, monkeypatch):
    Image.fromarray(np.full((8, 8), 1000, np.uint16)).save(tmp_path / "a.png")
    monkeypatch.setattr(calibration, "quantise", lambda model, inputs: inputs)
    own = dataclasses.replace(mini, calibration=(str(tmp_path / "a.png"),), calibration_reading=ImageReading((0, 1000)))
    assert len(calibrated(own, None)) == 1
    # The bundled photos have 8 bits, of which no range may be told.
    assert len(calibrated(dataclasses.replace(own, calibration=()), None)) == len(BUNDLED_IMAGES)
    with pytest.raises(ImageError, match="value_range"):
        calibrated(dataclasses.replace(own, calibration_reading=AS_THEY_ARE), None)
