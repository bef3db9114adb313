import unittest.mock

import numpy as np
import pycocotools.mask as coco_mask
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samara.errors import SettingsError
from samara.masks import overlap
from samara.masks.overlap import mask_intersection, mask_iou
from samara.masks.rle import Rle, encode_mask
from samara.masks.run_alphabet import PYCOCOTOOLS_MAX_PIXELS, compress_runs
from tests.masks.strategies import NAMED, encode_all, image, stacks


@given(stacks(most=8))
def test_overlaps_are_those_of_the_pixels(masks):
    rles = encode_all(masks)
    flat = masks.reshape(len(masks), masks[0].size if len(masks) else 0).astype(np.int64)
    common = flat @ flat.T
    union = flat.sum(1)[:, None] + flat.sum(1) - common
    first = len(rles) // 2
    assert mask_intersection(rles, rles).dtype == np.int64
    assert (mask_intersection(rles, rles) == common).all()
    assert (mask_intersection(rles[:first], rles) == common[:first]).all()
    assert (mask_iou(rles, rles) == common / np.maximum(union, 1)).all()
    if rles:
        coco = [rle.to_coco() for rle in rles]
        assert (mask_iou(rles, rles) == coco_mask.iou(coco, coco, [0] * len(coco))).all()


@pytest.mark.parametrize(
    ("a", "b", "iou"),
    [
        ([], [], np.zeros((0, 0))),
        ([], ["hole"], np.zeros((0, 1))),
        (["hole"], [], np.zeros((1, 0))),
        (["empty"], ["empty", "full"], [[0, 0]]),
        (["hole"], ["hole", "full", "empty", "one pixel"], [[1, 10 / 12, 0, 0]]),
    ],
)
def test_named_masks(a, b, iou):
    found = mask_iou([encode_mask(NAMED[name]) for name in a], [encode_mask(NAMED[name]) for name in b])
    assert found.shape == np.shape(iou)
    assert (found == iou).all()


def test_boxes_that_touch_need_not_mean_common_pixels():
    a, b = encode_mask(image("#..", "..#")), encode_mask(image(".#.", "#.."))
    assert mask_intersection([a], [b]).tolist() == [[0]]


@given(stacks(most=6))
def test_masks_too_large_for_pycocotools_are_compared_alike(masks):
    rles = encode_all(masks)
    expected = mask_intersection(rles, rles)
    with unittest.mock.patch.object(overlap, "PYCOCOTOOLS_MAX_PIXELS", 0):
        assert (mask_intersection(rles, rles) == expected).all()


@given(st.data())
def test_long_runs_up_to_the_limit_of_pycocotools_are_exact(data):
    ends = st.lists(st.integers(0, 50) | st.integers(PYCOCOTOOLS_MAX_PIXELS - 50, PYCOCOTOOLS_MAX_PIXELS), min_size=2)
    a, b = (Rle.from_edges(np.array(sorted(data.draw(ends)), np.int64), 1, PYCOCOTOOLS_MAX_PIXELS) for _ in range(2))
    found = mask_intersection([a], [b])
    with unittest.mock.patch.object(overlap, "PYCOCOTOOLS_MAX_PIXELS", 0):
        assert (mask_intersection([a], [b]) == found).all()


def test_runs_of_length_zero_do_not_matter():
    a = Rle.from_coco({"size": [4, 2], "counts": [1, 3, 4]})
    b = Rle(4, 2, compress_runs(np.array([0, 0, 1, 0, 0, 3, 4, 0])))
    assert (mask_intersection([a, b], [a, b]) == 3).all()


def test_areas_beyond_32_bits_are_exact():
    size = {"size": [1 << 16, 1 << 17]}
    a = Rle.from_coco({**size, "counts": [3, 5_000_000_001, (1 << 33) - 5_000_000_004]})
    b = Rle.from_coco({**size, "counts": [10, 1, 1, 6_000_000_000, (1 << 33) - 6_000_000_012]})
    assert mask_intersection([a], [b]).tolist() == [[4_999_999_993]]


@pytest.mark.parametrize("compare", [mask_intersection, mask_iou])
def test_masks_of_different_images_are_refused(compare):
    with pytest.raises(SettingsError, match="some have 1 x 1 pixels, others 3 x 4"):
        compare([encode_mask(NAMED["full"])], [encode_mask(NAMED["one pixel image"])])
