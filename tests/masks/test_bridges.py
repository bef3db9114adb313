"""Polygons without holes, drawn by pycocotools and by OpenCV: the mask again, to the pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from samara.masks.bridges import one_polygon_of, polygons_of
from samara.masks.filling import iou_of_filled
from samara.masks.rle import encode_mask
from tests.masks.strategies import NAMED, image, one_mask

NAMES = sorted(set(NAMED) - {"wider than 16 bits", "higher than 16 bits"})
INSETS = st.floats(0.001, 0.09)


def drawn_by_coco(polygons, mask):
    if not polygons:
        return np.zeros_like(mask)
    rles = coco_mask.frPyObjects([polygon.ravel().tolist() for polygon in polygons], *mask.shape)
    return coco_mask.decode(coco_mask.merge(rles)).astype(bool)


def drawn_by_opencv(polygons, mask):
    drawn = np.zeros(mask.shape, np.uint8)
    for polygon in polygons:
        one = np.zeros(mask.shape, np.uint8)
        drawn |= cv2.fillPoly(one, [polygon.astype(np.int32)], 1)
    return drawn.astype(bool)


@pytest.mark.parametrize("name", NAMES)
def test_awkward_masks_by_cocos_rule(name):
    np.testing.assert_array_equal(drawn_by_coco(polygons_of(encode_mask(NAMED[name])), NAMED[name]), NAMED[name])


@given(one_mask())
def test_any_mask_by_cocos_rule(mask):
    polygons = polygons_of(encode_mask(mask))
    np.testing.assert_array_equal(drawn_by_coco(polygons, mask), mask)
    assert all((polygon == polygon.round()).all() for polygon in polygons)
    count, _ = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    assert len(polygons) == count - 1


@given(one_mask(), INSETS)
def test_any_mask_by_both_rules(mask, inset):
    polygons = polygons_of(encode_mask(mask), inset)
    np.testing.assert_array_equal(drawn_by_coco(polygons, mask), mask)
    np.testing.assert_array_equal(drawn_by_opencv(polygons, mask), mask)


@given(one_mask(), INSETS)
def test_one_polygon(mask, inset):
    rle = encode_mask(mask)
    polygon = one_polygon_of(rle, inset)
    parts = polygons_of(rle, inset)
    if len(parts) < 2:
        assert polygon.size == sum(part.size for part in parts)
    if not parts:
        return
    by_coco, by_opencv = drawn_by_coco([polygon], mask), drawn_by_opencv([polygon], mask)
    assert not (by_coco & ~mask).any()  # lines between parts cost nothing by COCO's rule
    if len(parts) == 1:
        np.testing.assert_array_equal(by_coco, mask)
        np.testing.assert_array_equal(by_opencv, mask)
    largest = max(int(drawn_by_opencv([part], mask).sum()) for part in parts)
    union = int((by_opencv | mask).sum())
    # Joining never loses more than it wins.
    assert int((by_opencv & mask).sum()) / union >= largest / int(mask.sum()) - 1e-9


def test_parts_that_are_worth_their_line_are_joined():
    near = image("###.###", "###.###", "###.###")
    assert iou_of_filled(encode_mask(near), [one_polygon_of(encode_mask(near), 0.05)]) == 18 / 19
    far = np.zeros((9, 60), bool)
    far[2:7, 2:9] = True
    far[4, 55] = True
    polygon = one_polygon_of(encode_mask(far), 0.05)
    np.testing.assert_array_equal(drawn_by_opencv([polygon], far), far & (np.arange(60) < 20))


def test_many_holes_side_by_side_and_below_each_other():
    mask = np.ones((41, 61), bool)
    mask[1::4, 1::3] = False
    mask[2::4, 1::3] = False
    (polygon,) = polygons_of(encode_mask(mask), 0.05)
    np.testing.assert_array_equal(drawn_by_coco([polygon], mask), mask)
    np.testing.assert_array_equal(drawn_by_opencv([polygon], mask), mask)


def test_noise_ends():
    mask = np.random.default_rng(0).random((150, 150)) < 0.4
    rle = encode_mask(mask)
    polygon = one_polygon_of(rle, 0.05)
    assert iou_of_filled(rle, [polygon]) > 0.3
    np.testing.assert_array_equal(drawn_by_coco(polygons_of(rle), mask), mask)
