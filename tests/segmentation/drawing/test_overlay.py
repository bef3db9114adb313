"""Overlays: what is tinted, what is not, what lies on top."""

from __future__ import annotations

import numpy as np
import pytest

from samara.errors import SettingsError
from samara.masks.drawing.colours import colour
from samara.masks.drawing.style import OverlayStyle
from samara.segmentation.drawing.overlay import answer_ranks, draw_answers, draw_masks
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
    drawn = draw_masks(GREY, mask_set(order), labels="none", outline=0)
    tint = (1 - OverlayStyle.opacity) * 100 + OverlayStyle.opacity * np.array(colour(1))
    np.testing.assert_allclose(drawn[5, 5], tint, atol=1)


def test_opacity():
    drawn = draw_masks(GREY, mask_set([OTHER]), opacity=1.0, labels="none")
    assert drawn[10, 25].tolist() == list(colour(0))


def test_prompts_are_marked():
    prompts = [Prompt([[5, 5], [15, 15]], [1, 0]), Prompt(box=[20, 2, 28, 18])]
    drawn = draw_masks(GREY, mask_set(EMPTY), prompts)
    green, red = drawn[5, 5].astype(int), drawn[15, 15].astype(int)
    assert green[1] > green[0]
    assert red[0] > red[1]
    assert (drawn[2, 22] != GREY[2, 22]).any()


GREY_ROOM = np.full((200, 300, 3), 100, dtype=np.uint8)
BLOCK = np.zeros((200, 300), dtype=bool)
BLOCK[80:120, 100:180] = True


def test_numbers_are_those_that_are_given():
    plain = draw_masks(GREY_ROOM, mask_set([BLOCK]), labels="none")
    numbered = draw_masks(GREY_ROOM, mask_set([BLOCK]))
    changed = np.argwhere((numbered != plain).any(axis=2))
    assert len(changed) > 20
    assert (np.abs(changed.mean(axis=0) - (100, 140)) < 6).all()  # in the middle of the mask
    np.testing.assert_array_equal(draw_masks(GREY_ROOM, mask_set([BLOCK]), ids=[1]), numbered)
    assert (draw_masks(GREY_ROOM, mask_set([BLOCK]), ids=[742]) != numbered).any()
    with pytest.raises(SettingsError, match="ids has 2 numbers for 1 masks"):
        draw_masks(GREY_ROOM, mask_set([BLOCK]), ids=[1, 2])


def test_classes_are_written_in_their_colour_and_a_single_class_is_not():
    plain = draw_masks(GREY_ROOM, mask_set([BLOCK]))
    for names in (("object",), None):
        index = None if names is None else np.array([0])
        one = mask_set([BLOCK], class_names=names, class_index=index)
        np.testing.assert_array_equal(draw_masks(GREY_ROOM, one), plain)
    far = np.roll(BLOCK, 100, axis=1)
    drawn = [
        draw_masks(GREY_ROOM, mask_set([BLOCK, far], class_names=("cat", "dog"), class_index=np.array(index)))
        for index in ([1, 1], [0, 1])
    ]
    inside = (84, 104), (84, 204)  # in the corners, away from labels
    same, different = ([tuple(image[place]) for place in inside] for image in drawn)
    assert same[0] == same[1] == different[1]
    assert different[0] != different[1]
    assert (drawn[0][90:110, 110:170] != plain[90:110, 110:170]).any(axis=2).sum() > 100


@pytest.mark.parametrize("corner", [(0, 0), (270, 0), (0, 180), (270, 180)])
@pytest.mark.parametrize("name", ["dog", "楓", "a name that is much longer than the image is wide " * 3])
def test_labels_stay_within_the_image(corner, name):
    mask = np.zeros((200, 300), dtype=bool)
    mask[corner[1] : corner[1] + 20, corner[0] : corner[0] + 30] = True
    drawn = draw_masks(GREY_ROOM, mask_set([mask], class_names=(name, "cat"), class_index=np.array([0])))
    assert (drawn != GREY_ROOM).any(axis=2).sum() > mask.sum() + 50


def test_a_dark_image_is_stretched():
    rng = np.random.default_rng(0)
    dark = rng.integers(0, 12, (60, 60, 3), dtype=np.uint8)
    assert draw_masks(dark, mask_set(np.zeros((0, 60, 60), bool))).max() == 255


def test_an_image_of_another_size_is_refused():
    with pytest.raises(SettingsError, match=r"the image has the shape \(20, 30, 3\); masks of .* need \(200, 300, 3\)"):
        draw_masks(GREY, mask_set([BLOCK]))


def test_answers_are_ranked_by_their_score_within_each_prompt():
    masks = mask_set([WHOLE, PART, OTHER, WHOLE], iou=[0.2, 0.9, 0.8, 0.7], prompts=[0, 0, 1, 0])
    assert answer_ranks(masks).tolist() == [2, 0, 0, 1]


def test_answers_stand_side_by_side_each_with_its_own_mask():
    masks = mask_set([BLOCK, np.roll(BLOCK, 60, axis=0)], iou=[0.5, 0.9], prompts=[0, 0])
    style = OverlayStyle(labels="none", outline=0)
    drawn = draw_answers(GREY_ROOM, masks, [], ids=[1, 2], style=style)
    caption = drawn.shape[0] - 200
    assert caption > 10
    left, right = drawn[caption:, :300], drawn[caption:, -300:]
    assert (left != 100).any(axis=2)[145:175, 105:175].all()  # the better one is the first
    assert (right != 100).any(axis=2)[85:115, 105:175].all()
    assert not (right != 100).any(axis=2)[145:175, 105:175].any()
    assert drawn[:caption, :200].min() < 100  # something is written
