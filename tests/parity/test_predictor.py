"""The predictor and its drop-in face against the official predictor, on a photo with small trained weights."""

from __future__ import annotations

import numpy as np
import pytest

import samara
from samara.masks.overlap import mask_iou
from samara.masks.rle import Rle
from tests.parity.deterministic import golden

CASES = golden("predict_mini")["prompts"]


def check(expected, rles, predicted_iou, low_res_logits):
    wanted = [Rle.from_coco(mask) for mask in expected["masks"]]
    assert np.diag(mask_iou(rles, wanted)).min() > 0.999
    np.testing.assert_allclose(predicted_iou, expected["predicted_iou"], atol=1e-5)
    assert low_res_logits.mean() == pytest.approx(expected["low_res_logits"]["mean"], abs=1e-3)
    assert low_res_logits.std() == pytest.approx(expected["low_res_logits"]["std"], abs=1e-3)
    sample = low_res_logits[0, ::32, ::32].ravel()
    np.testing.assert_allclose(sample, expected["low_res_logits"]["corner"], atol=1e-3)


@pytest.fixture(scope="module")
def predictor(bootstrap):
    return samara.Predictor(bootstrap)


@pytest.fixture(scope="module")
def truck_embedding(predictor, truck):
    return predictor.embed(truck)


@pytest.mark.parametrize("name", CASES)
def test_predictor(predictor, truck_embedding, name):
    given = CASES[name]["input"]
    masks = predictor.predict(
        truck_embedding,
        points=given.get("point_coords"),
        labels=given.get("point_labels"),
        boxes=given.get("box"),
        multimask=given["multimask_output"],
    )
    check(CASES[name], masks.rles, masks.predicted_iou, masks.low_res_logits)
