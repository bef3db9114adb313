"""Which pictures int8 sees, and what it makes of the encoder."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import samara
from samara.engines.calibration import MOST_PICTURES, calibration_files, calibration_inputs
from samara.errors import SettingsError
from samara.photos import BUNDLED_PHOTOS


@pytest.fixture
def pictures(tmp_path):
    for name in ("b.png", "a.jpg", "c.txt"):
        path = tmp_path / name
        Image.new("RGB", (20, 10), "teal").save(path, format="PNG")
    return tmp_path


def test_the_bundled_photos_are_the_default():
    assert calibration_files(()) == tuple(map(str, BUNDLED_PHOTOS))
    assert all(path.is_file() for path in BUNDLED_PHOTOS)


def test_files_and_folders(pictures):
    assert calibration_files([pictures / "c.txt", pictures]) == tuple(
        str(pictures / name) for name in ("c.txt", "a.jpg", "b.png")
    )


def test_a_large_folder_is_sampled_evenly(tmp_path):
    for index in range(250):
        (tmp_path / f"{index:03}.png").touch()
    chosen = calibration_files([tmp_path])
    assert len(chosen) <= MOST_PICTURES
    assert [path[-7:-4] for path in chosen[:3]] == ["000", "003", "006"]


def test_what_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(SettingsError, match="no picture and no folder with pictures"):
        calibration_files([tmp_path])


def test_pictures_for_a_precision_that_needs_none(pictures):
    with pytest.raises(SettingsError, match="only int8 does"):
        samara.load("samara_mini", device="cpu", precision="float32", calibration=[pictures])
    loaded = samara.load("samara_mini", precision="int8", engine="openvino", calibration=[pictures / "a.jpg"])
    assert loaded.calibration == (str(pictures / "a.jpg"),)


def test_inputs(mini, pictures):
    (one,) = calibration_inputs(mini, [str(pictures / "a.jpg")])
    assert one.shape == (1, 3, 512, 512)
    assert one.dtype == np.float32
