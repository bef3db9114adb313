"""Overlays: what is tinted, what is not, what lies on top."""

from __future__ import annotations

import numpy as np
import pytest

from samara.segmentation.drawing.overlay import colour, draw_masks, line_thickness
from samara.segmentation.prompts import Prompt
from tests.masks.test_mask_set import EMPTY, OTHER, PART, WHOLE, mask_set

GREY = np.full((20, 30, 3), 100, dtype=np.uint8)


def test_nothing_to_draw_is_the_image_itself():
    drawn = draw_masks(GREY, mask_set(EMPTY))
    np.testing.assert_array_equal(drawn, GREY)
    assert drawn is not GREY


def test_the_image_is_not_changed_and_nothing_outside_is_touched():
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
def test_lines_grow_with_the_image(size, thickness):
    assert line_thickness(np.zeros((*size, 3), dtype=np.uint8)) == thickness


def test_classes_are_written_and_a_single_class_is_not():
    grey = np.full((200, 300, 3), 100, dtype=np.uint8)
    mask = np.zeros((200, 300), dtype=bool)
    mask[80:120, 100:180] = True
    plain = draw_masks(grey, mask_set([mask]))
    for names in (("object",), None):
        index = None if names is None else np.array([0])
        np.testing.assert_array_equal(draw_masks(grey, mask_set([mask], class_names=names, class_index=index)), plain)
    labelled = draw_masks(grey, mask_set([mask], class_names=("cat", "dog"), class_index=np.array([1])))
    changed = np.argwhere((labelled != plain).any(axis=2))
    assert len(changed) > 100
    assert changed[:, 0].max() < 80  # above the mask
    other = draw_masks(grey, mask_set([mask], class_names=("cat", "dog"), class_index=np.array([0])))
    assert (labelled != other).any()


@pytest.mark.parametrize("corner", [(0, 0), (270, 0), (0, 180), (270, 180)])
@pytest.mark.parametrize("name", ["dog", "楓", "a name that is much longer than the image is wide " * 3])
def test_labels_stay_within_the_image(corner, name):
    grey = np.full((200, 300, 3), 100, dtype=np.uint8)
    mask = np.zeros((200, 300), dtype=bool)
    mask[corner[1] : corner[1] + 20, corner[0] : corner[0] + 30] = True
    drawn = draw_masks(grey, mask_set([mask], class_names=(name, "cat"), class_index=np.array([0])))
    assert (drawn != grey).any(axis=2).sum() > mask.sum() + 50
