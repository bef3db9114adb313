"""What is black and white in a file: the same in parts as in one piece."""

from __future__ import annotations

import numpy as np
import pytest

from samara.errors import ImageError
from samara.images.tones import settle

WHITE = (255, 255, 255)


def read(values, value_range=None, **stated):
    values = np.asarray(values)
    tones = settle([values[:, :2], values[:, 2:]], values.dtype, "'a.tif'", value_range, **stated)
    whole = tones.rgb(values, WHITE)
    parts = np.concatenate([tones.rgb(values[:, :1], WHITE), tones.rgb(values[:, 1:], WHITE)], 1)
    np.testing.assert_array_equal(parts, whole)
    return whole[..., 0].tolist()


def test_the_range_is_that_of_the_whole():
    assert read(np.array([[0, 300, 65535]], np.uint16)) == [[0, 1, 255]]
    assert read(np.array([[5.0, 6.0, 7.0]]), "auto") == [[0, 128, 255]]
    with pytest.raises(ImageError, match="16 bits but no value above 300"):
        read(np.array([[0, 300, 7]], np.uint16))


def test_a_declared_range_cuts():
    assert read(np.array([[-5, 1000, 9000]], np.int16), (0, 2000)) == [[0, 128, 255]]
    with pytest.raises(ImageError, match="uint8 values, which cannot fill"):
        read(np.array([[0, 1, 2]], np.uint8), (0, 4095))


def test_what_was_not_measured_becomes_black():
    values = np.array([[-9999, 0.5, 1.0]], np.float32)
    assert read(values, nodata=-9999) == [[0, 128, 255]]
    assert read(values, "auto", nodata=-9999) == [[0, 0, 255]]
    assert read(np.array([[65535, 10, 20]], np.uint16), "auto", nodata=65535) == [[0, 0, 255]]
    assert read(np.array([[np.nan, 0.5, np.inf]]), (0, 1)) == [[0, 128, 255]]
    assert read(np.array([[np.nan, 0.5, 1]]), nodata=np.nan) == [[0, 128, 255]]
    assert read(np.array([[np.nan] * 3]), nodata=np.nan) == [[0, 0, 0]]
    with pytest.raises(ImageError, match="NaN or infinite values; declare"):
        read(np.array([[np.nan, 0.5, 1]]))


def test_the_white_that_a_file_states():
    assert read(np.array([[0, 2048, 4095]], np.uint16), white=4095) == [[0, 128, 255]]
