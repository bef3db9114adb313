"""Boundary IoU against brute force and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from samara.errors import SettingsError
from samara.masks.boundary import boundary, boundary_iou, boundary_width
from samara.masks.rle import encode_mask

shapes = st.tuples(st.integers(1, 14), st.integers(1, 14))
pairs = shapes.flatmap(lambda shape: st.tuples(arrays(np.bool_, shape), arrays(np.bool_, shape)))


def band(mask, width):
    """Pixels of a mask with a pixel that does not belong within a square around them, one by one."""
    padded = np.pad(mask, width)
    found = np.zeros_like(mask)
    for y, x in np.argwhere(mask):
        found[y, x] = not padded[y : y + 2 * width + 1, x : x + 2 * width + 1].all()
    return found


@given(pairs, st.integers(1, 4))
def test_the_band_is_what_is_near_the_outside(pair, width):
    np.testing.assert_array_equal(boundary(pair[0], width), band(pair[0], width))


@given(pairs)
def test_it_is_the_iou_of_the_bands(pair):
    truth, answer = pair
    a, b = (band(mask, boundary_width(mask.shape)) for mask in pair)
    expected = (a & b).sum() / max(1, (a | b).sum())
    assert boundary_iou(encode_mask(truth), encode_mask(answer)) == pytest.approx(expected)


def test_windows_change_nothing_on_a_large_image():
    rng = np.random.default_rng(3)
    truth, answer = np.zeros((2, 300, 400), bool)
    truth[60:180, 50:260] = True
    answer[70:200, 40:240] = rng.random((130, 200)) > 0.01
    width = boundary_width(truth.shape)
    assert width == 10
    a, b = band(truth, width), band(answer, width)
    expected = (a & b).sum() / (a | b).sum()
    assert boundary_iou(encode_mask(truth), encode_mask(answer)) == pytest.approx(expected)


def test_a_shifted_square_loses_more_outline_than_area():
    truth, answer = np.zeros((2, 500, 500), bool)
    truth[100:400, 100:400] = answer[105:405, 100:400] = True
    # The band is 14 wide: two rings of 300 px a side, of which the shift by 5 moves the two horizontal sides.
    a, b = encode_mask(truth), encode_mask(answer)
    assert boundary_iou(a, a) == 1
    assert boundary_iou(a, b) < 0.75 < 295 / 305


@pytest.mark.parametrize(("size", "width"), [((1, 1), 1), ((30, 40), 1), ((300, 400), 10), ((1200, 1800), 43)])
def test_the_width_follows_the_diagonal(size, width):
    assert boundary_width(size) == width


def test_nothing_has_no_outline():
    nothing, something = encode_mask(np.zeros((4, 4), bool)), encode_mask(np.ones((4, 4), bool))
    assert boundary_iou(nothing, something) == boundary_iou(something, nothing) == boundary_iou(nothing, nothing) == 0


def test_masks_of_two_images_are_not_compared():
    with pytest.raises(SettingsError, match="only within one image"):
        boundary_iou(encode_mask(np.ones((4, 4), bool)), encode_mask(np.ones((4, 5), bool)))
