"""The letterbox against sizes worked out by hand and a resize written out in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samara.segmentation.instances.letterbox import GREY, Letterbox, letterboxed


@pytest.mark.parametrize(
    ("size_hw", "side", "resized", "padded", "corner"),
    [
        ((1200, 1800), 640, (427, 640), (448, 640), (0, 10)),
        ((1800, 1200), 640, (640, 427), (640, 448), (10, 0)),
        ((640, 640), 640, (640, 640), (640, 640), (0, 0)),
        ((100, 200), 1024, (512, 1024), (512, 1024), (0, 0)),
        ((1, 3000), 640, (1, 640), (32, 640), (0, 15)),
        ((7, 7), 64, (64, 64), (64, 64), (0, 0)),
        ((480, 639), 640, (481, 640), (512, 640), (0, 15)),
    ],
)
def test_sizes(size_hw, side, resized, padded, corner):
    letterbox = Letterbox(size_hw, side)
    assert letterbox.resized_size_hw == resized
    assert letterbox.padded_size_hw == padded
    assert letterbox.corner_xy == corner


@given(height=st.integers(1, 5000), width=st.integers(1, 5000), side=st.integers(1, 40).map(lambda n: 32 * n))
def test_the_image_fits_and_the_padding_is_less_than_a_cell(height, width, side):
    letterbox = Letterbox((height, width), side)
    (h, w), (padded_h, padded_w), (x, y) = letterbox.resized_size_hw, letterbox.padded_size_hw, letterbox.corner_xy
    assert max(h, w) == max(padded_h, padded_w) == side
    assert padded_h % 32 == padded_w % 32 == 0
    assert 0 <= padded_h - h < 32
    assert 0 <= padded_w - w < 32
    assert 0 <= 2 * x <= padded_w - w <= 2 * x + 1  # the odd pixel lies on the right
    assert 0 <= 2 * y <= padded_h - h <= 2 * y + 1


@given(height=st.integers(1, 4000), width=st.integers(1, 4000))
def test_boxes_come_back(height, width):
    letterbox = Letterbox((height, width), 640)
    x, y = letterbox.corner_xy
    h, w = letterbox.resized_size_hw
    whole = np.array([[x, y, x + w, y + h], [x - 50, y - 50, x + w + 50, y + h + 50]], dtype=np.float32)
    np.testing.assert_allclose(letterbox.to_original(whole), [[0, 0, width, height]] * 2, rtol=1e-6, atol=1e-6)


def bilinear(image, size_hw):
    """Half-pixel centres, no antialiasing, edges repeated; float64."""
    for axis, length in enumerate(size_hw):
        position = ((np.arange(length) + 0.5) * image.shape[axis] / length - 0.5).clip(0, image.shape[axis] - 1)
        low = np.floor(position).astype(int)
        high = np.minimum(low + 1, image.shape[axis] - 1)
        part = (position - low).reshape([-1 if dim == axis else 1 for dim in range(3)])
        image = image.take(low, axis) * (1 - part) + image.take(high, axis) * part
    return image


@pytest.mark.parametrize("size_hw", [(50, 83), (83, 50), (300, 200), (64, 64), (1, 90)])
def test_pixels(size_hw):
    image = np.random.default_rng(1).integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    letterbox = Letterbox(size_hw, 128)
    canvas = letterboxed(image, letterbox)
    (h, w), (x, y) = letterbox.resized_size_hw, letterbox.corner_xy
    wanted = bilinear(image.astype(np.float64), (h, w))
    assert np.abs(canvas[y : y + h, x : x + w] - wanted).max() <= 1  # OpenCV computes in whole numbers
    outside = np.ones(canvas.shape[:2], dtype=bool)
    outside[y : y + h, x : x + w] = False
    assert (canvas[outside] == GREY).all()


def test_an_image_of_the_right_size_is_not_touched():
    image = np.random.default_rng(2).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    assert np.array_equal(letterboxed(image, Letterbox((64, 96), 96)), image)
