"""Outlines, valid by GEOS and exact to the pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given

from samara.masks.outlines import parts_of
from samara.masks.rle import encode_mask
from tests.masks.strategies import NAMED, image, one_mask


@pytest.mark.parametrize("name", sorted(set(NAMED) - {"wider than 16 bits", "higher than 16 bits"}))
def test_awkward_masks(name):
    check(NAMED[name])


@given(one_mask())
def test_any_mask(mask):
    check(mask)


def check(mask):
    parts = parts_of(encode_mask(mask))
    polygons = [shapely.Polygon(part.shell, part.holes) for part in parts]
    assert all(polygon.is_valid for polygon in polygons), [shapely.is_valid_reason(one) for one in polygons]
    count, _ = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    assert len(parts) == count - 1
    assert sum(polygon.area for polygon in polygons) == mask.sum()
    y, x = np.indices(mask.shape)
    inside = np.zeros(mask.shape, int)
    for polygon in polygons:
        inside += shapely.contains_xy(polygon, x + 0.5, y + 0.5)
    np.testing.assert_array_equal(inside, mask)
    for part in parts:
        assert shapely.LinearRing(part.shell).is_ccw  # where y grows upwards; clockwise on the screen
        assert not any(shapely.LinearRing(hole).is_ccw for hole in part.holes)


def test_corners_are_those_of_the_pixels():
    (part,) = parts_of(encode_mask(image("....", "..#.", "....")))
    assert part.shell.tolist() == [[2, 1], [3, 1], [3, 2], [2, 2]]
    assert part.holes == ()


def test_straight_lines_have_two_corners():
    (part,) = parts_of(encode_mask(np.ones((500, 700), bool)))
    assert sorted(part.shell.tolist()) == [[0, 0], [0, 500], [700, 0], [700, 500]]


def test_a_hole_that_touches_the_outside_at_a_corner_is_a_hole():
    (part,) = parts_of(encode_mask(image(".###", "#.##", "####")))
    assert len(part.holes) == 1
    assert [1, 1] in part.holes[0].tolist()
    assert [1, 1] in part.shell.tolist()


def test_holes_belong_to_the_part_around_them():
    mask = image(
        "#######",
        "#.....#",
        "#.###.#",
        "#.#.#.#",
        "#.###.#",
        "#.....#",
        "#######",
    )
    outer, inner = parts_of(encode_mask(mask))
    assert (len(outer.holes), len(inner.holes)) == (1, 1)
    assert outer.holes[0].min() == 1
    assert inner.holes[0].min() == 3
