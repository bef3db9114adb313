"""A checkpoint behind the evaluation's interface gives what its predictor and generator give."""

from __future__ import annotations

import numpy as np
import pytest

from samara.automatic.generator import AutomaticMaskGenerator
from samara.automatic.settings import AutomaticSettings
from samara.evaluation import contestants
from samara.evaluation.contestants import open_contestant
from samara.predictor import Predictor
from samara.prompts import Prompt
from tests.finetuning.conftest import make_tiny


@pytest.fixture(scope="module")
def loaded():
    return make_tiny()


IMAGE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
CLICKS = [Prompt([x, 30], [1]) for x in (10, 30, 70)]
BOX = Prompt(box=[5, 5, 40, 50])


def test_ambiguous_prompts_get_the_best_of_three_and_others_the_one(loaded):
    contestant, predictor = open_contestant(loaded), Predictor(loaded)
    seen = contestant.embed(IMAGE)
    answers = contestant.answer(seen, [CLICKS[0], BOX, *CLICKS[1:]])
    three = predictor.predict_prompts(seen, CLICKS, multimask=True)
    for click, answer in enumerate([answers[0], *answers[2:]]):
        best = 3 * click + int(three.predicted_iou[3 * click : 3 * click + 3].argmax())
        assert answer.rle == three.rles[best]
        assert answer.predicted_iou == pytest.approx(three.predicted_iou[best], abs=1e-5)
        np.testing.assert_allclose(answer.low_res_logits, three.low_res_logits[best], atol=1e-4)
    assert answers[1].rle == predictor.predict_prompts(seen, [BOX], multimask=False).rles[0]


def test_many_prompts_are_answered_in_order(loaded, monkeypatch):
    contestant = open_contestant(loaded)
    seen = contestant.embed(IMAGE)
    whole = contestant.answer(seen, CLICKS)
    monkeypatch.setattr(contestants, "PROMPTS_AT_A_TIME", 2)
    assert [one.rle for one in contestant.answer(seen, CLICKS)] == [one.rle for one in whole]
    assert contestant.answer(seen, []) == []


def test_everything_has_no_thresholds(loaded):
    contestant = open_contestant(loaded, points_per_side=3)
    everything = contestant.everything(contestant.embed(IMAGE))
    settings = AutomaticSettings(points_per_side=3, pred_iou_thresh=0.0, stability_score_thresh=0.0)
    assert everything.rles == AutomaticMaskGenerator(loaded, settings).generate(IMAGE).rles


def test_capabilities_are_the_variants(loaded):
    assert open_contestant(loaded).capabilities == loaded.variant.capabilities
