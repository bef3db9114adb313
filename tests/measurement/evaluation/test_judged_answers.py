"""The worst and the best answers: which are chosen."""

from __future__ import annotations

import pytest

from samara.measurement.evaluation.ground_truth import GroundTruth, read_ground_truth
from samara.measurement.evaluation.judged_answers import best_answers, worst_answers
from samara.measurement.evaluation.run import score_images
from samara.measurement.evaluation.settings import EvaluationSettings
from tests.measurement.evaluation.conftest import BoxItself, write_coco


@pytest.fixture
def coco(tmp_path):
    return write_coco(tmp_path, ["a"] * 5)


def test_the_worst_of_each_image_come_first(coco):
    settings = EvaluationSettings(failures=3, measures=("centre_click", "box", "clicks"))
    images = read_ground_truth(GroundTruth(coco, coco.parent / "images"), settings)
    scores = score_images(BoxItself(), images, settings)
    failures = worst_answers(images, scores, settings)
    clicks = [one for one in failures if one.measure == "centre_click"]
    boxes = [one for one in failures if one.measure == "box"]
    assert [len(clicks), len(boxes), len(failures)] == [3, 3, 6]
    lowest = sorted(min(one.answers["centre_click"].iou for one in of_image.objects) for of_image in scores)
    assert [one.iou for one in clicks] == lowest[:3]
    assert len({one.image.name for one in clicks}) == 3
    # Boxes are all right here; of equals the largest object is shown.
    areas = sorted((max(truth.area for truth in image.objects) for image in images), reverse=True)
    assert [one.truth.area for one in boxes] == areas[:3]
    for one in failures:
        a, b = one.truth.decode(), one.answer.decode()
        assert one.iou == pytest.approx((a & b).sum() / (a | b).sum())


def test_none_are_listed_if_none_are_wanted(coco):
    settings = EvaluationSettings(failures=0, measures=("box",))
    images = read_ground_truth(GroundTruth(coco, coco.parent / "images"), settings)
    assert worst_answers(images, score_images(BoxItself(), images, settings), settings) == []


def test_the_best_of_each_image_come_first(coco):
    settings = EvaluationSettings(failures=2, measures=("centre_click",))
    images = read_ground_truth(GroundTruth(coco, coco.parent / "images"), settings)
    scores = score_images(BoxItself(), images, settings)
    best = best_answers(images, scores, settings)
    highest = sorted(max(one.answers["centre_click"].iou for one in of_image.objects) for of_image in scores)
    assert [one.iou for one in best] == highest[::-1][:2]
    assert len({one.image.name for one in best}) == 2
