"""One image, asked everything."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from samara.errors import DatasetError
from samara.masks.boundary import boundary_iou
from samara.measurement.evaluation.ground_truth import GroundTruth, read_ground_truth
from samara.measurement.evaluation.scoring import score_image
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.measurement.records.metrics import MEASURES
from tests.measurement.evaluation.conftest import BoxItself


@pytest.fixture
def image(coco):
    return read_ground_truth(GroundTruth(coco, coco.parent / "images"), EvaluationSettings(objects=2))[0]


def test_answers_are_compared_with_their_objects(image):
    model = BoxItself()
    scores = score_image(model, image, MEASURES, 0)
    assert model.embedded == 1
    assert [one.place for one in scores.objects] == list(image.prompted)
    for one in scores.objects:
        truth = image.objects[one.place]
        assert one.answers["box"].iou == one.answers["box"].boundary_iou == 1  # rectangles are their boxes
        assert one.answers["box"].counts == truth.to_coco()["counts"]
        click = model.answer((60, 80), [model.asked[0][scores.objects.index(one)]])[0].rle
        a, b = click.decode(), truth.decode()
        assert one.answers["centre_click"].iou == pytest.approx((a & b).sum() / (a | b).sum())
        assert one.answers["centre_click"].boundary_iou == pytest.approx(boundary_iou(truth, click))
        assert one.answers["jittered_box"].iou < 1
        assert one.clicks[0] == pytest.approx(one.answers["centre_click"].iou)
    assert len(scores.everything) == 3


def test_only_what_is_asked_is_done(image):
    model = BoxItself()
    scores = score_image(model, image, ("box",), 0)
    assert len(model.asked) == 1
    assert scores.everything is None
    assert [(set(one.answers), one.clicks) for one in scores.objects] == [({"box"}, None)] * 2


def test_an_image_that_was_exchanged_meanwhile_is_refused(image):
    Image.fromarray(np.zeros((10, 10), np.uint8)).save(image.image.path)
    with pytest.raises(DatasetError, match="its ground truth"):
        score_image(BoxItself(), image, MEASURES, 0)
