"""Ground truth as values."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samara.datasets.ground_truth import LabelledImage
from samara.errors import DatasetError, ImageError
from samara.images.settings import ImageReading


def image(name, path=None, tmp="/data"):
    return LabelledImage(Path(path or f"{tmp}/{name}"), (4, 6), (), name, None)


HUNDRED = [image(f"{number}.jpg") for number in range(100)]


def test_values_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        HUNDRED[0].name = "other"


def test_sizes_are_compared():
    HUNDRED[0].check_size((4, 6))
    HUNDRED[0].check_size([4, 6])
    with pytest.raises(DatasetError, match=r"0\.jpg.*5 x 6 pixels.*4 x 6"):
        HUNDRED[0].check_size((5, 6))
    with pytest.raises(DatasetError, match=r"6 x 4 pixels.*4 x 6.*EXIF"):
        HUNDRED[0].check_size((6, 4))


def test_images_are_read_as_was_said(tmp_path):
    deep = np.full((4, 6), 1000, np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.png")
    labelled = image("a.png", tmp=tmp_path)
    with pytest.raises(ImageError, match="value_range"):
        labelled.pixels()
    said = dataclasses.replace(labelled, reading=ImageReading((0, 2000)))
    assert said.pixels()[0, 0].tolist() == [128] * 3
    with pytest.raises(DatasetError, match="4 x 6 pixels"):
        dataclasses.replace(said, size_hw=(5, 6)).pixels()
