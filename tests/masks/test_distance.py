"""The middle of a region against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from samara.masks.distance import centre_of, deepest_pixel
from samara.masks.rle import encode_mask

regions = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(lambda shape: arrays(np.bool_, shape))


def mask(*rows):
    return np.array([[cell == "#" for cell in row] for row in rows])


def distances(region):
    """To the nearest pixel outside of the region, by looking at every one; the image has a border of them."""
    padded = np.pad(region, 1)
    outside = np.argwhere(~padded)
    found = np.zeros(region.shape)
    for y, x in np.argwhere(region):
        found[y, x] = np.sqrt(((outside - (y + 1, x + 1)) ** 2).sum(1).min())
    return found


@given(regions)
def test_it_is_as_far_from_the_border_as_any(region):
    (x, y), depth = deepest_pixel(region)
    expected = distances(region)
    assert depth == pytest.approx(expected.max())
    if region.any():
        assert region[y, x]
        assert expected[y, x] == pytest.approx(expected.max())
        ties = np.argwhere(expected > expected.max() - 1e-4)
        assert [y, x] == ties[0].tolist()
        assert centre_of(encode_mask(region)) == (x, y)


@given(regions, st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=5))
def test_forbidden_pixels_are_left_out_but_still_belong(region, forbidden):
    (x, y), depth = deepest_pixel(region, forbidden)
    allowed = distances(region)
    for px, py in forbidden:
        if py < region.shape[0] and px < region.shape[1]:
            allowed[py, px] = 0
    assert depth == pytest.approx(allowed.max())
    if depth:
        assert allowed[y, x] == pytest.approx(allowed.max())


@pytest.mark.parametrize(
    ("region", "x", "y"),
    [
        (mask("....", ".#..", "...."), 1, 1),
        (mask("#####", "#####", "#####", "#####", "#####"), 2, 2),
        (mask("###....", "###....", "#######"), 1, 1),
    ],
)
def test_the_middle_is_far_from_every_border(region, x, y):
    assert deepest_pixel(region)[0] == (x, y)


def test_where_there_is_nothing_there_is_no_middle():
    assert deepest_pixel(np.zeros((3, 4), bool))[1] == 0
    assert deepest_pixel(mask("#."), [(0, 0)])[1] == 0
