"""Painting: small on large, outlines of the asked width, nothing for empty masks."""

import numpy as np

from samara.masks.drawing.paint import Labelling, paint
from samara.masks.drawing.style import OverlayStyle
from samara.masks.rle import encode_mask
from tests.masks.test_mask_set import OTHER, PART, WHOLE

GREY = np.full((20, 30, 3), 100, dtype=np.uint8)
RED, BLUE = (255, 0, 0), (0, 0, 255)
PLAIN = OverlayStyle(opacity=0.5, outline=0)


def painted(masks, colours, style=PLAIN):
    return paint(GREY, [encode_mask(mask) for mask in masks], colours, Labelling([""] * len(masks)), style)


def test_small_masks_lie_on_large_ones_whatever_their_order():
    for masks, colours in (([WHOLE, PART], [RED, BLUE]), ([PART, WHOLE], [BLUE, RED])):
        drawn = painted(masks, colours)
        assert drawn[5, 5].tolist() == [50, 50, 178]
        assert drawn[15, 15].tolist() == [178, 50, 50]
    assert (GREY == 100).all()


def test_outlines():
    thin, thick = (painted([OTHER], [RED], OverlayStyle(opacity=0.0, outline=width)) for width in (1, 3))
    assert (thin[1, 22:29, 0].astype(int) - thin[1, 22:29, 2] > 150).all()
    assert thin[10, 25].tolist() == [100, 100, 100]
    assert (thick != 100).any(axis=2).sum() > 1.5 * (thin != 100).any(axis=2).sum()


def test_empty_masks_and_none():
    nothing = np.zeros((20, 30), bool)
    np.testing.assert_array_equal(painted([], []), GREY)
    np.testing.assert_array_equal(painted([nothing], [RED], OverlayStyle(outline=2)), GREY)
    np.testing.assert_array_equal(painted([nothing, OTHER], [RED, BLUE]), painted([OTHER], [BLUE]))


def test_a_mask_that_is_covered_completely_still_has_its_label():
    rles = [encode_mask(mask) for mask in (PART, PART)]
    drawn = [paint(GREY, rles, [RED, BLUE], Labelling([text, ""]), PLAIN).astype(int) for text in ("", "8")]
    assert np.abs(drawn[1] - drawn[0]).sum() > 0
