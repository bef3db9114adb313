import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from samara.errors import SettingsError
from samara.masks.boxes import (
    box_iou,
    boxes_of_masks,
    jittered_boxes,
    near_crop_edge,
    xyxy_to_xywh,
)
from tests.masks.strategies import NAMED, box_by_looking, stacks


@pytest.mark.parametrize("name", NAMED)
def test_the_box_of_a_named_mask(name):
    boxes = boxes_of_masks(torch.from_numpy(NAMED[name][None]))
    assert boxes.dtype == torch.int64
    assert boxes.tolist() == [list(box_by_looking(NAMED[name]))]


@given(stacks())
def test_the_boxes_of_any_masks(masks):
    assert boxes_of_masks(torch.from_numpy(masks)).tolist() == [list(box_by_looking(mask)) for mask in masks]


@pytest.mark.gpu
def test_boxes_on_an_accelerator():
    masks = torch.rand(5, 300, 400) > 0.99
    assert boxes_of_masks(masks.cuda()).tolist() == boxes_of_masks(masks).tolist()


@pytest.mark.parametrize("shape", [(0, 4, 5), (2, 0, 5), (2, 4, 0)])
def test_masks_without_pixels_have_boxes_of_zeros(shape):
    assert boxes_of_masks(torch.zeros(shape, dtype=torch.bool)).tolist() == [[0, 0, 0, 0]] * shape[0]


def test_differs_from_meta_a_pixel_has_a_box_of_one_pixel():
    assert xyxy_to_xywh(boxes_of_masks(torch.ones(1, 1, 1, dtype=torch.bool)).numpy()).tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize("masks", [torch.zeros(1, 2, 2), torch.zeros(2, 2, dtype=torch.bool)])
def test_only_boolean_stacks_have_boxes(masks):
    with pytest.raises(SettingsError, match="boolean tensor"):
        boxes_of_masks(masks)


@given(hnp.arrays(np.int64, hnp.array_shapes(max_dims=3).map(lambda s: (*s, 4)), elements=st.integers(-999, 999)))
def test_corner_and_size_give_the_corners_back(boxes):
    original = boxes.copy()
    found = xyxy_to_xywh(boxes)
    assert (found[..., :2] == original[..., :2]).all()
    assert (found[..., :2] + found[..., 2:] == original[..., 2:]).all()
    assert (boxes == original).all()


def test_conversion_keeps_shape_and_dtype():
    assert xyxy_to_xywh(np.empty((0, 4), np.float32)).shape == (0, 4)
    assert xyxy_to_xywh(np.ones((2, 3, 4), np.float32)).dtype == np.float32
    for wrong in (5.0, [1, 2, 3]):
        with pytest.raises(SettingsError, match="four numbers"):
            xyxy_to_xywh(wrong)


def test_width_is_right_minus_left():
    assert xyxy_to_xywh([10, 20, 14, 23]).tolist() == [10, 20, 4, 3]


@pytest.mark.parametrize(
    ("a", "b", "iou"),
    [
        ([], [], []),
        ([], [[0, 0, 1, 1]], []),
        ([[0, 0, 1, 1]], [], [[]]),
        ([[0, 0, 2, 2]], [[0, 0, 2, 2], [1, 0, 3, 2], [2, 0, 4, 2], [5, 5, 6, 6]], [[1, 1 / 3, 0, 0]]),
        ([[0, 0, 0, 0]], [[0, 0, 0, 0], [0, 0, 1, 1]], [[0, 0]]),
    ],
)
def test_box_iou(a, b, iou):
    assert box_iou(a, b).tolist() == iou


@given(stacks(least=1), stacks(least=1))
def test_box_iou_is_the_iou_of_filled_boxes(a, b):
    def filled(boxes):
        planes = np.zeros((len(boxes), 12, 12), bool)
        for plane, (x1, y1, x2, y2) in zip(planes, boxes, strict=True):
            plane[y1:y2, x1:x2] = True
        return planes.reshape(len(boxes), -1).astype(int)

    boxes_a, boxes_b = ([box_by_looking(mask) for mask in masks] for masks in (a, b))
    common = filled(boxes_a) @ filled(boxes_b).T
    union = filled(boxes_a).sum(1)[:, None] + filled(boxes_b).sum(1) - common
    np.testing.assert_allclose(box_iou(boxes_a, boxes_b), common / np.maximum(union, 1))


def test_box_iou_wants_lists_of_boxes():
    with pytest.raises(SettingsError, match=r"array \(M, 4\)"):
        box_iou([0, 0, 1, 1], [[0, 0, 1, 1]])


CROP, IMAGE_HW = (100, 50, 300, 250), (250, 600)


@pytest.mark.parametrize(
    ("box", "cut"),
    [
        ((150, 100, 250, 200), False),
        ((120, 100, 250, 200), True),  # exactly 20 px from the crop's left edge
        ((120.5, 100, 250, 200), False),
        ((90, 100, 250, 200), True),  # outside, but near
        ((150, 70, 250, 200), True),
        ((150, 100, 280, 200), True),
        ((150, 100, 279, 200), False),
        ((150, 100, 250, 250), False),  # the image ends where the crop does
        ((120, 100, 250, 250), True),
        ((300, 100, 330, 200), False),  # a left edge at the crop's right one
    ],
)
def test_near_crop_edge(box, cut):
    assert near_crop_edge(np.array([box]), CROP, IMAGE_HW).tolist() == [cut]


def test_near_crop_edge_of_nothing_and_of_a_crop_that_is_the_image():
    assert near_crop_edge(np.empty((0, 4)), CROP, IMAGE_HW).shape == (0,)
    assert near_crop_edge([[0, 0, 600, 250], [3, 3, 9, 9]], (0, 0, 600, 250), IMAGE_HW).tolist() == [
        False,
        False,
    ]


def test_the_tolerance_is_a_setting():
    assert near_crop_edge([[101, 100, 250, 200]], CROP, IMAGE_HW, tolerance=0).tolist() == [False]
    assert near_crop_edge([[100, 100, 250, 200]], CROP, IMAGE_HW, tolerance=0).tolist() == [True]
    for wrong in (-1, float("nan")):
        with pytest.raises(SettingsError, match="0 or more pixels"):
            near_crop_edge([[101, 100, 250, 200]], CROP, IMAGE_HW, tolerance=wrong)


def test_jitter_moves_each_side_by_its_own_noise():
    noise = torch.tensor([[1.0, -1.0, 0.5, 0.0]])
    moved = jittered_boxes(torch.tensor([[100, 200, 300, 240]]), noise, (512, 1024), fraction=0.1, max_px=20)
    assert moved.tolist() == [[120.0, 196.0, 310.0, 240.0]]  # 0.1 · 200 across, 0.1 · 40 down


def test_jitter_has_a_limit_that_grows_with_the_image():
    noise = torch.tensor([[-9.0, 9.0, 9.0, -9.0]])
    box = torch.tensor([[1000, 1000, 1600, 1600]])
    moved = jittered_boxes(box, noise, (2048, 2048), fraction=0.1, max_px=20)
    assert moved.tolist() == [[960.0, 1040.0, 1640.0, 1560.0]]


@given(st.integers(0, 1 << 30))
def test_jittered_boxes_stay_inside_with_their_corners_in_order(seed):
    rng = np.random.default_rng(seed)
    boxes = np.sort(rng.integers(0, 50, (5, 2, 2)), axis=1).reshape(5, 4)
    noise = torch.from_numpy(rng.normal(0, 5, (5, 4)))
    x0, y0, x1, y1 = jittered_boxes(torch.from_numpy(boxes), noise, (40, 50), fraction=1, max_px=999).T
    assert ((x0 >= 0) & (x0 <= x1) & (x1 <= 50) & (y0 >= 0) & (y0 <= y1) & (y1 <= 40)).all()
