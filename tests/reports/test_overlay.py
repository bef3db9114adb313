"""Overlays: what is tinted, what is not, what lies on top."""

from __future__ import annotations

import numpy as np
import pytest

from samara.prompts import Prompt
from samara.reports.overlay import colour, draw_masks, line_thickness
from tests.test_results import EMPTY, OTHER, PART, WHOLE, mask_set

GREY = np.full((20, 30, 3), 100, dtype=np.uint8)


def test_nothing_to_draw_is_the_picture_itself():
    drawn = draw_masks(GREY, mask_set(EMPTY))
    np.testing.assert_array_equal(drawn, GREY)
    assert drawn is not GREY


def test_the_picture_is_not_changed_and_nothing_outside_is_touched():
    image = GREY.copy()
    drawn = draw_masks(image, mask_set([OTHER]))
    np.testing.assert_array_equal(image, GREY)
    changed = (drawn != GREY).any(axis=2)
    assert changed[OTHER].all()
    assert not changed[:, :20].any()


@pytest.mark.parametrize("order", [[WHOLE, PART], [PART, WHOLE]])
def test_small_masks_lie_on_large_ones_whatever_their_order(order):
    drawn = draw_masks(GREY, mask_set(order))
    tint = 0.55 * 100 + 0.45 * np.array(colour(1))
    np.testing.assert_allclose(drawn[5, 5], tint, atol=1)


def test_opacity():
    drawn = draw_masks(GREY, mask_set([OTHER]), opacity=1.0)
    assert drawn[10, 25].tolist() == list(colour(0))


def test_colours_of_neighbours_differ():
    colours = np.array([colour(index) for index in range(200)], dtype=float)
    assert np.abs(np.diff(colours, axis=0)).sum(axis=1).min() > 100
    assert len({colour(index) for index in range(60)}) == 60


def test_prompts_are_marked():
    prompts = [Prompt([[5, 5], [15, 15]], [1, 0]), Prompt(box=[20, 2, 28, 18])]
    drawn = draw_masks(GREY, mask_set(EMPTY), prompts)
    green, red = drawn[5, 5].astype(int), drawn[15, 15].astype(int)
    assert green[1] > green[0]
    assert red[0] > red[1]
    assert (drawn[2, 22] != GREY[2, 22]).any()


@pytest.mark.parametrize(("size", "thickness"), [((10, 10), 1), ((1200, 1800), 2), ((3000, 4000), 6)])
def test_lines_grow_with_the_picture(size, thickness):
    assert line_thickness(np.zeros((*size, 3), dtype=np.uint8)) == thickness
