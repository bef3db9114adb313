"""MaskSet: selection, cleaning, COCO, and nothing as a result."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from samara.errors import PromptError
from samara.masks.mask_set import MaskSet, concatenate
from samara.masks.rle import encode_mask


def mask_set(masks, iou=None, prompts=None, **more):
    masks = np.asarray(masks, dtype=bool)
    count = len(masks)
    return MaskSet(
        rles=tuple(encode_mask(mask) for mask in masks),
        size_hw=masks.shape[1:],
        checkpoint="test",
        predicted_iou=np.linspace(0.9, 0.5, count) if iou is None else np.asarray(iou, dtype=float),
        prompt_index=np.arange(count) if prompts is None else np.asarray(prompts),
        **more,
    )


def rectangle(x0, y0, x1, y1, size=(20, 30)):
    mask = np.zeros(size, dtype=bool)
    mask[y0:y1, x0:x1] = True
    return mask


WHOLE, PART, OTHER = rectangle(0, 0, 20, 20), rectangle(2, 2, 8, 8), rectangle(22, 1, 29, 19)
EMPTY = np.zeros((0, 20, 30), dtype=bool)


def test_nothing_found_is_a_result():
    masks = mask_set(EMPTY, stability_score=np.zeros(0), points_xy=np.zeros((0, 2)))
    assert len(masks) == 0
    assert masks.masks().shape == (0, 20, 30)
    assert masks.boxes_xyxy.shape == (0, 4)
    assert masks.areas.shape == (0,)
    assert masks.to_coco() == []
    for same in (
        masks.best(),
        masks.exclusive(),
        masks.without_duplicates(),
        masks.cleaned(10),
        masks.largest_first(),
        masks.with_hierarchy(),
        masks[:],
        concatenate([masks, masks]),
    ):
        assert len(same) == 0


def test_masks_areas_and_boxes():
    masks = mask_set([WHOLE, PART])
    np.testing.assert_array_equal(masks.masks(), [WHOLE, PART])
    np.testing.assert_array_equal(masks.mask(1), PART)
    assert masks.areas.tolist() == [400, 36]
    assert masks.boxes_xyxy.tolist() == [[0, 0, 20, 20], [2, 2, 8, 8]]


@pytest.mark.parametrize(
    ("selected", "indices"),
    [
        (1, [1]),
        (-1, [2]),
        (slice(1, None), [1, 2]),
        ([2, 0], [2, 0]),
        (np.array([True, False, True]), [0, 2]),
    ],
)
def test_selection_takes_every_column_along(selected, indices):
    scores = np.array([0.1, 0.2, 0.3])
    masks = mask_set([WHOLE, PART, OTHER], stability_score=scores, low_res_logits=np.zeros((3, 4, 4), np.float32))
    chosen = masks[selected]
    assert chosen.prompt_index.tolist() == indices
    assert chosen.stability_score.tolist() == scores[indices].tolist()
    assert chosen.low_res_logits.shape == (len(indices), 4, 4)
    assert chosen.rles == tuple(masks.rles[index] for index in indices)


def test_best_takes_one_mask_per_prompt_in_the_order_of_prompts():
    masks = mask_set([WHOLE, PART, OTHER, PART], iou=[0.2, 0.9, 0.5, 0.4], prompts=[1, 1, 0, 0])
    assert masks.best().predicted_iou.tolist() == [0.5, 0.9]


def test_largest_first():
    assert mask_set([PART, WHOLE, OTHER]).largest_first().areas.tolist() == [400, 126, 36]


def test_duplicates_go_by_their_masks_and_not_by_their_boxes():
    speck = WHOLE.copy()
    speck[19, 29] = True  # its box is the whole image
    assert len(mask_set([WHOLE, speck, PART]).without_duplicates()) == 2
    assert len(mask_set([WHOLE, PART]).without_duplicates(containment_threshold=0.9)) == 1


def test_exclusive_gives_each_pixel_to_the_smallest_mask():
    partition = mask_set([PART, WHOLE, WHOLE]).exclusive()
    assert partition.masks().sum(axis=0).max() == 1
    np.testing.assert_array_equal(partition.masks().any(axis=0), WHOLE)
    assert partition.areas.tolist() == [36, 364]


def test_cleaning_fills_holes_and_removes_specks():
    mask = WHOLE.copy()
    mask[5, 5] = False
    mask[19, 29] = True
    cleaned = mask_set([mask]).cleaned(4)
    np.testing.assert_array_equal(cleaned.masks()[0], WHOLE)
    assert cleaned.areas.tolist() == [400]


def test_hierarchy_is_told_by_position_and_does_not_outlive_a_selection():
    masks = mask_set([PART, OTHER, WHOLE]).with_hierarchy()
    assert masks.parent.tolist() == [2, -1, -1]
    assert [record["parent"] for record in masks.to_coco(first_id=11)] == [13, None, None]
    assert masks[:2].parent is None


def test_coco_is_json_and_pycocotools_reads_it():
    masks = mask_set(
        [PART],
        stability_score=np.array([0.5]),
        points_xy=np.array([[3.5, 4.5]]),
        crop_boxes_xyxy=np.array([[0, 0, 30, 20]]),
    )
    (record,) = json.loads(json.dumps(masks.to_coco(image_id=7, first_id=3), allow_nan=False))
    assert (record["id"], record["image_id"], record["category_id"], record["iscrowd"]) == (3, 7, 1, 0)
    assert record["bbox"] == [2, 2, 6, 6] == coco_mask.toBbox(record["segmentation"]).tolist()
    assert record["area"] == 36
    assert record["point_coords"] == [[3.5, 4.5]]
    assert record["crop_box"] == [0, 0, 30, 20]
    np.testing.assert_array_equal(coco_mask.decode(record["segmentation"]).astype(bool), PART)


def test_joined_sets_keep_what_all_of_them_know():
    a = mask_set([WHOLE], stability_score=np.array([0.5]))
    b = mask_set([PART, OTHER])
    joined = concatenate([a, b])
    assert joined.areas.tolist() == [400, 36, 126]
    assert joined.stability_score is None
    assert concatenate([a, a]).stability_score.tolist() == [0.5, 0.5]


def test_sets_of_different_images_are_not_joined():
    with pytest.raises(PromptError, match="one image"):
        concatenate([mask_set([WHOLE]), mask_set([np.ones((3, 3))])])
    with pytest.raises(PromptError, match="at least one"):
        concatenate([])


CLASSES = {"class_index": np.array([1, 0]), "class_names": ("cat", "dog", "cow")}


def test_classes_go_with_their_masks():
    masks = mask_set([WHOLE, PART], **CLASSES)
    assert [masks.class_name(index) for index in range(2)] == ["dog", "cat"]
    assert masks[[1]].class_name(0) == "cat"
    assert masks.largest_first().class_index.tolist() == [1, 0]
    assert masks.exclusive().class_names == CLASSES["class_names"]
    assert [record["category_id"] for record in masks.to_coco()] == [2, 1]
    assert [record["category_id"] for record in masks.to_coco(category_id=10)] == [11, 10]
    assert len(mask_set([], **CLASSES | {"class_index": np.zeros(0, dtype=np.int64)}).to_coco()) == 0


def test_without_classes_there_is_no_name():
    masks = mask_set([WHOLE])
    assert masks.class_name(0) is None
    assert masks.to_coco(category_id=7)[0]["category_id"] == 7


def test_joined_sets_keep_classes_that_all_of_them_have():
    with_classes = mask_set([WHOLE, PART], **CLASSES)
    assert concatenate([with_classes, with_classes]).class_index.tolist() == [1, 0, 1, 0]
    assert concatenate([with_classes, with_classes]).class_names == CLASSES["class_names"]
    others = mask_set([WHOLE, PART], **CLASSES | {"class_names": ("a", "b")})
    for sets in ([with_classes, mask_set([OTHER])], [mask_set([OTHER]), with_classes], [with_classes, others]):
        joined = concatenate(sets)
        assert (joined.class_index, joined.class_names) == (None, None)
        assert joined.class_name(0) is None


def test_masks_can_answer_other_prompts():
    masks = mask_set([WHOLE, PART])
    again = masks.with_prompt_index(np.array([4, 4]))
    assert again.prompt_index.tolist() == [4, 4]
    assert again.rles == masks.rles
    assert len(again.best()) == 1
