"""Average recall against COCO's own evaluation."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from samara.masks.rle import encode_mask
from samara.measurement.evaluation import recall
from samara.measurement.evaluation.recall import recall_of_objects
from tests.measurement.evaluation.conftest import mask_set, rectangle

SIDE = 40


def random_masks(rng, count):
    """Overlapping rectangles with a little noise, so that every IoU occurs."""
    masks = []
    for _ in range(count):
        top, left = rng.integers(0, SIDE - 12, 2)
        height, width = rng.integers(6, 24, 2)
        masks.append(rectangle(top, left, top + height, left + width, (SIDE, SIDE)) ^ (rng.random((SIDE, SIDE)) < 0.02))
    return masks


def nearly(rng, masks):
    """Masks like the given ones, some of them twice, moved and eaten at."""
    chosen = [masks[index] for index in rng.integers(0, len(masks), 2 * len(masks))]
    return [np.roll(mask, rng.integers(-3, 4, 2), (0, 1)) & (rng.random(mask.shape) > 0.05) for mask in chosen]


def coco_recall(images, most):
    """AR by pycocotools, regardless of category; images are (objects, is_crowd, found, scores)."""
    truth = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "x"}], "info": {}}
    results = []
    for image, (objects, is_crowd, found, scores) in enumerate(images, start=1):
        truth["images"].append({"id": image, "height": SIDE, "width": SIDE})
        for mask, crowd in zip(objects, is_crowd, strict=True):
            truth["annotations"].append(
                {
                    "id": len(truth["annotations"]) + 1,
                    "image_id": image,
                    "category_id": 1,
                    "iscrowd": int(crowd),
                    "area": int(mask.sum()),
                    "bbox": [0, 0, 1, 1],
                    "segmentation": encode_mask(mask).to_coco(),
                }
            )
        results += [
            {"image_id": image, "category_id": 1, "segmentation": encode_mask(mask).to_coco(), "score": float(score)}
            for mask, score in zip(found, scores, strict=True)
        ]
    with contextlib.redirect_stdout(io.StringIO()):
        ground_truth = COCO()
        ground_truth.dataset = truth
        ground_truth.createIndex()
        evaluation = COCOeval(ground_truth, ground_truth.loadRes(results), "segm")
        evaluation.params.useCats = 0
        evaluation.params.maxDets = [most]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    return float(evaluation.eval["recall"].mean())


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("most", [1000, 4])
def test_it_is_cocos_average_recall(seed, most, monkeypatch):
    rng = np.random.default_rng(seed)
    images = []
    for _ in range(3):
        objects = random_masks(rng, int(rng.integers(1, 7)))
        found = nearly(rng, objects) + random_masks(rng, 3)
        scores = rng.choice(np.linspace(0, 1, 6), len(found))  # with ties
        images.append((objects, rng.random(len(objects)) < 0.3, found, scores))
    images[0][1][0] = False
    monkeypatch.setattr(recall, "MAX_MASKS", most)
    ours = np.concatenate(
        [
            recall_of_objects(
                [encode_mask(mask) for mask, crowd in zip(objects, is_crowd, strict=True) if not crowd],
                mask_set(found, scores),
            )
            for objects, is_crowd, found, scores in images
        ]
    )
    assert ours.mean() == pytest.approx(coco_recall(images, most))
    assert 0 < ours.mean() < 1


def test_one_mask_finds_one_object():
    whole, part = rectangle(0, 0, 30, 30), rectangle(0, 0, 30, 20)
    objects = [encode_mask(whole), encode_mask(part)]
    assert recall_of_objects(objects, mask_set([whole], [0.9])).tolist() == [1, 0]
    assert recall_of_objects(objects, mask_set([whole, part], [0.1, 0.9])).tolist() == [1, 1]


def test_an_iou_of_exactly_the_threshold_counts():
    half = mask_set([rectangle(0, 0, 10, 20)], [1])
    assert recall_of_objects([encode_mask(rectangle(0, 0, 20, 20))], half).tolist() == [pytest.approx(0.1)]


def test_where_nothing_is_found_nothing_is_recalled():
    assert recall_of_objects([encode_mask(rectangle(0, 0, 9, 9))], mask_set([], [])).tolist() == [0]
    assert recall_of_objects([], mask_set([rectangle(0, 0, 9, 9)], [1])).shape == (0,)
