"""Polygons: what pycocotools makes of them, which is also what geometry says; what would harm it is refused."""

from __future__ import annotations

import cv2
import numpy as np
import pycocotools.mask as coco_mask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samara.errors import SettingsError
from samara.masks.polygons import rasterise_polygons
from samara.masks.rle import encode_mask
from tests.masks.strategies import image

SQUARE = [1, 1, 4, 1, 4, 3, 1, 3]


def by_pycocotools(parts: list[list[float]], height: int, width: int) -> bytes:
    # Its own conversion takes whatever has four numbers for a box; there are none here.
    return coco_mask.merge(coco_mask.frPyObjects(parts, height, width))["counts"]


# Whole, fifth and tenth parts of pixels hit the middles and borders of fine pixels, where rounding decides.
GRIDS = st.sampled_from([1, 2, 5, 10, 100, None])


@st.composite
def outlines(draw: st.DrawFn, most_parts: int = 3) -> tuple[list[list[float]], int, int]:
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    grid = draw(GRIDS)
    on_grid = st.integers(-30 * (grid or 1), 70 * (grid or 1)).map(lambda n: n / grid)
    coordinate = on_grid if grid else st.floats(-30, 70)
    part = st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=12)
    parts = draw(st.lists(part, min_size=1, max_size=most_parts))
    return [[number for point in points for number in point] for points in parts], height, width


@given(outlines())
@settings(max_examples=400)
def test_any_outline_gives_the_mask_of_pycocotools(outline):
    assert rasterise_polygons(*outline).counts == by_pycocotools(*outline)


@given(outlines(most_parts=1))
def test_pixels_clear_of_the_outline_are_as_geometry_says(outline):
    (part,), height, width = outline
    contour = np.array(part, np.float32).reshape(-1, 1, 2)
    mask = rasterise_polygons([part], height, width).decode()
    for y, x in np.ndindex(height, width):
        inside = cv2.pointPolygonTest(contour, (x + 0.5, y + 0.5), measureDist=True)
        assert abs(inside) < 0.75 or mask[y, x] == (inside > 0)


@given(st.integers(3, 60), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_large_objects_too(corners, count, seed):
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(1, 3000, 2))
    parts = (rng.uniform(-0.2, 1.2, (count, corners, 2)) * (width, height)).round(2).reshape(count, -1).tolist()
    assert rasterise_polygons(parts, height, width).counts == by_pycocotools(parts, height, width)


@pytest.mark.parametrize(
    "part",
    [
        SQUARE,
        SQUARE + SQUARE[:2],  # closed by hand
        [1, 1, 1, 1, 4, 1, 4, 3, 1, 3],  # a corner twice
        [2, 2, 2, 2, 2, 2],  # a point
        [0, 0, 5, 0, 2, 0],  # a line
        [0, 0, 5, 5, 5, 0, 0, 5],  # an hourglass
        [0, 0, 6, 0, 6, 5, 0, 5],  # all of it
        [-9, -9, 20, -9, 20, 20, -9, 20],  # more than that
        [-9, -9, -3, -9, -3, 20],  # left of it
        [9, 0, 12, 0, 12, 5],  # right of it
        [0, 9, 5, 9, 5, 12],  # below it
        [0.1, 0.1, 0.2, 0.1, 0.2, 0.2],  # less than a pixel
        [-0.3, -0.3, 5.9, 0.1, 3.3, -0.7, 0.5, 4.9],  # truncation and rounding differ below zero
        [2.5, -100_000, 3.5, -100_000, 3.5, 100_000, 2.5, 100_000],
    ],
)
def test_named_outlines(part):
    assert rasterise_polygons([part], 5, 6).counts == by_pycocotools([part], 5, 6)


def test_a_square_by_eye():
    expected = image("......", ".###..", ".###..", "......")
    assert rasterise_polygons([SQUARE], 4, 6) == encode_mask(expected)


def test_parts_are_united_and_cut_no_holes():
    hole_or_not = [[0, 0, 5, 0, 5, 4, 0, 4], [1, 1, 3, 1, 3, 3, 1, 3]]
    assert rasterise_polygons(hole_or_not, 4, 5).area == 20
    apart = rasterise_polygons([[0, 0, 1, 0, 1, 4, 0, 4], [3, 0, 5, 0, 5, 4, 3, 4]], 4, 5)
    assert apart == encode_mask(image("#..##", "#..##", "#..##", "#..##"))


def test_the_end_of_one_part_is_not_the_beginning_of_the_next():
    last_and_first_pixel = [[4, 3, 5, 3, 5, 4, 4, 4], [0, 0, 1, 0, 1, 1, 0, 1]]
    assert rasterise_polygons(last_and_first_pixel, 4, 5).area == 2


def test_arrays_are_taken_and_left_alone():
    part = np.array(SQUARE, np.float32)
    before = part.copy()
    assert rasterise_polygons([part], 4, 6) == rasterise_polygons([SQUARE], 4, 6)
    np.testing.assert_array_equal(part, before)


def nested(depth: int) -> list:
    inner: list = []
    for _ in range(depth):
        inner = [inner]
    return inner


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ([], "at least one polygon"),
        ([[]], "list of numbers|3 or more points"),
        ([SQUARE[:4]], "3 or more points; this one has 4 numbers"),
        ([SQUARE[:7]], "this one has 7 numbers"),
        ([SQUARE, SQUARE[:5]], "5 numbers"),
        ([[*SQUARE[:7], float("nan")]], "finite"),
        ([[*SQUARE[:7], float("inf")]], "finite"),
        ([[*SQUARE[:7], -1e300]], "simplify"),
        ([[*SQUARE[:7], 10**400]], "list of numbers"),
        ([["1", "2", "3", "4", "5", "6"]], "list of numbers"),
        ([[True] * 6], "list of numbers"),
        ([[None] * 6], "list of numbers"),
        ([[[1, 2], [3, 4], [5, 6]]], "list of numbers"),
        ([[1, [2, 3], 4, 5, 6, 7]], "list of numbers"),
        ([{"x": 1}], "list of numbers"),
        (SQUARE, "list of numbers"),
        (["polygon"], "list of numbers"),
        ([nested(900)], "list of numbers"),
    ],
)
def test_what_is_no_polygon_is_told(parts, sentence):
    with pytest.raises(SettingsError, match=sentence) as caught:
        rasterise_polygons(parts, 4, 6)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("size", [(0, 5), (5, -1), (2.5, 3), ("4", 4), (1 << 20, 1 << 20)])
def test_impossible_sizes_are_told(size):
    with pytest.raises(SettingsError):
        rasterise_polygons([SQUARE], *size)


@pytest.mark.parametrize(
    "part",
    [
        [-3e10, 0, 2, 0, 2, 3e10, -3e10, 3e10],
        [1e300, 0, -1e300, 0, 0, 1e300],
        [5e8, 5e8, 5e8 + 1, 5e8, 5e8, 5e8 + 1],  # short, and beyond 32 bits on the fine grid
        [0, 0, 14_000_000, 0, 0, 1],
        [0, 0, 400, 400] * 20_000,
    ],
)
def test_a_small_file_cannot_ask_for_much_work(part):
    with pytest.raises(SettingsError, match="simplify"):
        rasterise_polygons([part], 500, 500)


def test_the_largest_images():
    height, width = 23_170, 23_170
    corner = [width - 9, height - 5, width, height - 5, width, height, width - 9, height]
    assert rasterise_polygons([corner, [0, 0, 3, 0, 3, 4, 0, 4]], height, width).area == 45 + 12
    with pytest.raises(SettingsError, match="below 2²⁹ pixels, not into 23171 x 23171"):
        rasterise_polygons([SQUARE], 23_171, 23_171)
