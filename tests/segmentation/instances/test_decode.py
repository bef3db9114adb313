"""Boxes and NMS against formulas written out and a brute force that shares nothing with them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from samara.networks.yolo_seg import RawInstances
from samara.segmentation.instances import decode
from samara.segmentation.instances.decode import boxes_of_distances, decode_instances

SIZE_HW = (64, 96)
PLACES = 8 * 12 + 4 * 6 + 2 * 3


def raw_of(seed, *, images=1, classes=3, crowded=False):
    generator = torch.Generator().manual_seed(seed)
    distances = torch.rand(images, 4, PLACES, generator=generator) * 15
    if crowded:
        distances = 3 + distances / 50
    return RawInstances(
        distances=distances,
        class_logits=torch.randn(images, classes, PLACES, generator=generator) * 2,
        coefficients=torch.randn(images, 32, PLACES, generator=generator),
        prototypes=torch.zeros(images, 32, SIZE_HW[0] // 4, SIZE_HW[1] // 4),
    )


def places():
    """Centre and stride of every place, one after the other."""
    for stride in (8, 16, 32):
        for row in range(SIZE_HW[0] // stride):
            for column in range(SIZE_HW[1] // stride):
                yield (column + 0.5) * stride, (row + 0.5) * stride, stride


def iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0) * max(height, 0)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def brute_force(raw, index, confidence_thresh, iou_thresh, most):
    """Places that stay, best first."""
    boxes = boxes_by_hand(raw.distances[index])
    chances = 1 / (1 + np.exp(-raw.class_logits[index].double().numpy()))
    best = sorted(range(PLACES), key=lambda place: -chances[:, place].max())
    kept = []
    for place in best:
        if chances[:, place].max() <= confidence_thresh:
            continue
        label = chances[:, place].argmax()
        rivals = [other for other in kept if chances[:, other].argmax() == label]
        if all(iou(boxes[place], boxes[rival]) <= iou_thresh for rival in rivals):
            kept.append(place)
    return kept[:most], boxes, chances


def boxes_by_hand(distances):
    return np.array(
        [
            [x - left * stride, y - top * stride, x + right * stride, y + bottom * stride]
            for (x, y, stride), (left, top, right, bottom) in zip(
                places(), distances.double().numpy().T.tolist(), strict=True
            )
        ]
    )


def test_boxes_are_distances_from_the_centres_of_places():
    raw = raw_of(0, images=2)
    boxes = boxes_of_distances(raw.distances, SIZE_HW)
    assert boxes.shape == (2, PLACES, 4)
    for index in range(2):
        np.testing.assert_allclose(boxes[index].numpy(), boxes_by_hand(raw.distances[index]), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("crowded", [False, True], ids=["scattered", "crowded"])
@pytest.mark.parametrize("most", [1, 5, 300])
def test_detections_are_those_of_a_brute_force(seed, crowded, most):
    rng = np.random.default_rng(seed)
    confidence_thresh, iou_thresh = rng.uniform(0.1, 0.7), rng.uniform(0.2, 0.8)
    raw = raw_of(seed, images=2, crowded=crowded)
    for index in range(2):
        found = decode_instances(
            raw,
            index,
            SIZE_HW,
            confidence_thresh=confidence_thresh,
            box_nms_thresh=iou_thresh,
            max_instances=most,
        )
        kept, boxes, chances = brute_force(raw, index, confidence_thresh, iou_thresh, most)
        assert len(found.boxes_xyxy) == len(kept)
        np.testing.assert_allclose(found.boxes_xyxy, boxes[kept], rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(found.confidence, chances[:, kept].max(0), rtol=1e-5)
        assert found.class_index.tolist() == chances[:, kept].argmax(0).tolist()
        assert torch.equal(found.coefficients, raw.coefficients[index][:, kept].T)
        assert (np.diff(found.confidence) <= 0).all()


def test_starting_with_few_candidates_changes_nothing(monkeypatch):
    raw = raw_of(5, crowded=True)
    arguments = {"confidence_thresh": 0.2, "box_nms_thresh": 0.5, "max_instances": 3}
    few = decode_instances(raw, 0, SIZE_HW, **arguments)
    monkeypatch.setattr(decode, "CANDIDATES_PER_INSTANCE", 1000)
    many = decode_instances(raw, 0, SIZE_HW, **arguments)
    assert np.array_equal(few.boxes_xyxy, many.boxes_xyxy)


def test_classes_do_not_suppress_each_other():
    raw = raw_of(0)
    raw.class_logits.fill_(-20)
    raw.distances.fill_(2)
    raw.class_logits[0, 0, 30] = 3
    raw.class_logits[0, 1, 31] = 2
    raw.class_logits[0, 0, 32] = 1
    raw.distances[0, :, 31:33] += torch.tensor([[1.0, 2.0], [0, 0], [-1, -2], [0, 0]])  # all the same box
    found = decode_instances(raw, 0, SIZE_HW, confidence_thresh=0.25, box_nms_thresh=0.5, max_instances=300)
    assert found.class_index.tolist() == [0, 1]
    assert np.ptp(found.boxes_xyxy, axis=0).max() < 1e-4


def test_nothing_confident_gives_nothing():
    raw = raw_of(0)
    raw.class_logits.fill_(-20)
    found = decode_instances(raw, 0, SIZE_HW, confidence_thresh=0.25, box_nms_thresh=0.5, max_instances=300)
    assert found.boxes_xyxy.shape == (0, 4)
    assert found.coefficients.shape == (0, 32)
    assert found.class_index.dtype == np.int64


def test_confidence_must_be_above_the_threshold():
    raw = raw_of(0)
    raw.class_logits.fill_(-20)
    raw.class_logits[0, 0, 0] = 0  # exactly one half
    arguments = {"box_nms_thresh": 0.5, "max_instances": 300}
    assert len(decode_instances(raw, 0, SIZE_HW, confidence_thresh=0.5, **arguments).confidence) == 0
    assert len(decode_instances(raw, 0, SIZE_HW, confidence_thresh=0.4999, **arguments).confidence) == 1
