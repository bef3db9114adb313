"""IoU of filled polygons, against filling the whole image."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samara.masks.filling import iou_of_filled
from samara.masks.rle import encode_mask
from tests.masks.strategies import one_mask

CORNERS = st.lists(st.tuples(st.floats(0, 11.9), st.floats(0, 11.9)), min_size=3, max_size=6).map(np.array)


@given(one_mask(), st.lists(CORNERS, max_size=3))
def test_any_polygons(mask, polygons):
    mask = np.pad(mask, ((0, 12 - mask.shape[0]), (0, 12 - mask.shape[1])))
    filled = np.zeros(mask.shape, np.uint8)
    for polygon in polygons:
        filled |= cv2.fillPoly(np.zeros(mask.shape, np.uint8), [polygon.astype(np.int32)], 1)
    union = (mask | (filled > 0)).sum()
    expected = (mask & (filled > 0)).sum() / union if union else 1.0
    assert iou_of_filled(encode_mask(mask), polygons) == pytest.approx(expected)


def test_nothing_is_nothing():
    empty, full = encode_mask(np.zeros((4, 5), bool)), encode_mask(np.ones((4, 5), bool))
    assert iou_of_filled(empty, []) == 1.0
    assert iou_of_filled(empty, [np.empty((0, 2))]) == 1.0
    assert iou_of_filled(full, []) == 0.0
    assert iou_of_filled(empty, [np.array([(0, 0), (2, 0), (2, 2)])]) == 0.0
