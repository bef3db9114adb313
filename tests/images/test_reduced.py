"""Smaller copies: means of areas, never larger than asked, never without a pixel."""

from __future__ import annotations

import numpy as np
import pytest

from samara.images.reduced import reduced


def test_small_images_stay():
    image = np.zeros((10, 20, 3), np.uint8)
    assert reduced(image, 20) is image


@pytest.mark.parametrize(("size_hw", "expected"), [((100, 200), (10, 20)), ((200, 100), (20, 10)), ((1, 900), (1, 20))])
def test_the_longer_side_counts(size_hw, expected):
    assert reduced(np.zeros((*size_hw, 3), np.uint8), 20).shape == (*expected, 3)


def test_pixels_are_means():
    image = np.zeros((2, 2, 3), np.uint8)
    image[0] = 200
    assert reduced(image, 1).tolist() == [[[100, 100, 100]]]
