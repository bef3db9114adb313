"""Contrast for looking: what is stretched, and what is not."""

import numpy as np
import pytest

from samara.images.contrast import levels_to_see, made_visible, stretched

RNG = np.random.default_rng(0)


def image(low, high, size=(80, 80)):
    return RNG.integers(low, high + 1, (*size, 3), dtype=np.uint8)


@pytest.mark.parametrize(("low", "high"), [(0, 3), (0, 40), (90, 150), (200, 255)])
def test_dark_and_flat_images_are_stretched(low, high):
    seen = made_visible(image(low, high))
    assert seen.min() == 0
    assert seen.max() == 255


@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 120), (77, 77)])
def test_other_images_are_shown_as_they_are(low, high):
    original = image(low, high)
    seen = made_visible(original)
    np.testing.assert_array_equal(seen, original)
    assert seen is not original


def test_a_few_bright_spots_do_not_hide_the_rest():
    cells = image(0, 20, (300, 300))
    cells[:4, :4] = 255
    assert levels_to_see(cells) == (0, 20)
    assert made_visible(cells)[100:].mean() > 100


def test_hues_stay():
    brown = np.zeros((50, 50, 3), np.uint8)
    brown[:25] = (40, 20, 10)
    seen = made_visible(brown)[0, 0].astype(int)
    assert seen[0] > seen[1] > seen[2] > 0


def test_a_part_is_stretched_like_the_whole():
    whole = image(0, 30)
    levels = levels_to_see(whole)
    np.testing.assert_array_equal(stretched(whole[:9, :9], levels), stretched(whole, levels)[:9, :9])


def test_no_pixels():
    assert levels_to_see(np.zeros((0, 5, 3), np.uint8)) is None
