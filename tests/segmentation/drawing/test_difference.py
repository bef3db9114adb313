"""Answers against the ground truth: what has which colour, and that no error is hidden."""

from __future__ import annotations

import numpy as np
import pytest

from samara.masks.rle import encode_mask
from samara.segmentation.drawing.difference import MISSED, OPACITY, RIGHT, TOO_MUCH, draw_difference, draw_truth
from samara.segmentation.drawing.view import View
from samara.segmentation.prompts import Prompt
from tests.masks.test_mask_set import PART, WHOLE, mask_set

GREY = np.full((60, 80, 3), 100, dtype=np.uint8)


def rectangle(x0, y0, x1, y1, size=(60, 80)):
    mask = np.zeros(size, dtype=bool)
    mask[y0:y1, x0:x1] = True
    return mask


def tint(rgb):
    return ((1 - OPACITY) * 100 + OPACITY * np.array(rgb)).astype(np.uint8).tolist()


def test_right_missed_and_too_much():
    drawn = draw_difference(GREY, [(rectangle(10, 10, 50, 50), rectangle(30, 10, 70, 50))])
    assert drawn[30, 40].tolist() == tint(RIGHT)
    assert drawn[30, 20].tolist() == tint(MISSED)
    assert drawn[30, 60].tolist() == tint(TOO_MUCH)
    assert drawn[55, 75].tolist() == [100, 100, 100]
    assert (GREY == 100).all()


def test_what_is_right_for_one_object_hides_no_error_of_another():
    right = rectangle(10, 10, 40, 50)
    drawn = draw_difference(GREY, [(right, right), (rectangle(50, 10, 70, 50), right)])
    assert drawn[30, 25].tolist() == tint(TOO_MUCH)
    assert drawn[30, 60].tolist() == tint(MISSED)


@pytest.mark.parametrize("background", [0, 100, 255])
def test_outlines_are_seen_on_black_and_on_white(background):
    image = np.full_like(GREY, background)
    drawn = draw_truth(image, [rectangle(20, 20, 60, 40)])
    assert np.abs(drawn[30, 18:23].astype(int) - background).max() > 100
    assert drawn[30, 40].tolist() == [background] * 3


def test_nothing_to_draw_is_the_image_itself():
    np.testing.assert_array_equal(draw_difference(GREY, []), GREY)
    np.testing.assert_array_equal(draw_truth(GREY, []), GREY)


def test_a_view_brings_image_masks_and_prompts_to_one_size():
    view = View((10, 20, 30, 30), 400)
    assert view.size_hw == (200, 400)
    image = np.zeros((60, 80, 3), dtype=np.uint8)
    image[25, 15] = 255
    assert view.image(image).shape == (200, 400, 3)
    shown = view.image(image)[..., 0]
    brightest = np.argwhere(shown == shown.max())
    point = view.prompt(Prompt([15, 25])).points_xy[0]
    assert brightest[:, ::-1].mean(axis=0) == pytest.approx(point, abs=0.5)
    assert view.prompt(Prompt(box=[10, 20, 30, 30])).box_xyxy.tolist() == [0, 0, 400, 200]
    mask = view.mask(encode_mask(rectangle(20, 0, 80, 60)))
    assert not mask[:, :199].any()
    assert mask[:, 200:].all()


def test_large_images_shrink():
    view = View((0, 0, 3000, 4000), 400)
    assert view.size_hw == (400, 300)
    assert view.mask(encode_mask(np.ones((4000, 3000), dtype=bool))).all()


def test_a_view_of_a_dark_image_is_stretched_like_the_whole():
    rng = np.random.default_rng(0)
    dark = rng.integers(0, 20, (100, 100, 3), dtype=np.uint8)
    whole, part = View((0, 0, 100, 100), 100), View((0, 0, 50, 50), 50)
    assert whole.image(dark).max() == 255
    np.testing.assert_array_equal(part.image(dark), whole.image(dark)[:50, :50])
    bright = np.full((100, 100, 3), 100, np.uint8)
    np.testing.assert_array_equal(whole.image(bright), bright)


def test_a_view_of_a_mask_set_has_its_size():
    view = View((0, 0, 30, 20), 60)
    masks = view.masks(mask_set([WHOLE, PART]))
    assert masks.size_hw == (40, 60)
    assert masks.areas.tolist() == [4 * WHOLE.sum(), 4 * PART.sum()]
