"""Parts, fit to a box and near duplicates: against the plain definition."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samara.masks.likeness import TWIN_IOU, area_in_box, count_parts, twin_iou
from samara.masks.overlap import mask_iou
from samara.masks.rle import encode_mask
from tests.masks.strategies import NAMED, encode_all, one_mask, stacks


@pytest.mark.parametrize(
    ("name", "parts"), [("empty", 0), ("full", 1), ("hole", 1), ("two parts", 2), ("corners", 4), ("chessboard", 1)]
)
def test_parts_of_known_masks(name, parts):
    assert count_parts(encode_mask(NAMED[name])) == parts


@given(one_mask())
def test_parts_are_those_of_the_whole_image(mask):
    assert count_parts(encode_mask(mask)) == cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1


def test_parts_of_a_tangle_are_counted():
    noise = np.random.default_rng(0).random((300, 400))
    for share in (0.2, 0.4, 0.6):
        mask = noise < share
        assert count_parts(encode_mask(mask)) == cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1


@given(one_mask(), *[st.floats(-2, 14)] * 4)
def test_pixels_in_a_box_are_counted_by_their_centres(mask, x0, y0, x1, y1):
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]] + 0.5
    inside = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
    assert area_in_box(encode_mask(mask), (x0, y0, x1, y1)) == (mask & inside).sum()


@given(stacks(), st.integers(0, 4))
def test_twins_are_those_of_all_pairs(masks, repeated):
    rles = encode_all(masks)
    rles += rles[:repeated]
    iou = mask_iou(rles, rles)
    np.fill_diagonal(iou, 0)
    iou[iou < TWIN_IOU] = 0
    np.testing.assert_allclose(twin_iou(rles), iou.max(axis=1, initial=0))
