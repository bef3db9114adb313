"""Marks of prompts: signs and colours, and sizes that fit the image."""

import numpy as np
import pytest

from samara.segmentation.drawing.prompts import boxes_of_clicks, draw_prompts
from samara.segmentation.prompts import Prompt


def drawn(size, prompt):
    return draw_prompts(np.full((*size, 3), 100, np.uint8), [prompt])


@pytest.mark.parametrize("side", [20, 300, 1200, 3000])
def test_clicks_scale_with_the_image(side):
    prompt = Prompt([[side / 2, side / 2]])
    marked = (drawn((side, side), prompt) != 100).any(axis=2)
    width = marked.any(axis=0).sum()
    assert width == pytest.approx(max(11, side / 90 * 2.7), rel=0.25)
    (box,) = boxes_of_clicks([prompt], (side, side))
    outside = marked.copy()
    outside[box[1] : box[3], box[0] : box[2]] = False
    assert not outside.any()


def test_foreground_is_a_green_plus_and_background_a_red_minus():
    plus, minus = (drawn((900, 900), Prompt([[450, 450]], [label])).astype(int) for label in (1, 0))
    for image in (plus, minus):
        assert image[450, 445].tolist() == [255, 255, 255]
    assert plus[445, 450].tolist() == [255, 255, 255]
    assert minus[445, 450].tolist() != [255, 255, 255]
    assert plus[445, 445, 1] > plus[445, 445, 0]
    assert minus[445, 450, 0] > minus[445, 450, 1]


def test_boxes_are_outlined():
    image = drawn((100, 100), Prompt(box=[20, 30, 60, 70]))
    assert image[30, 40].min() > 200
    assert image[50, 40].tolist() == [100, 100, 100]
