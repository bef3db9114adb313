"""A checkpoint as the evaluation asks it gives what its predictor and generator give."""

from __future__ import annotations

import numpy as np
import pytest

import samara
from samara.masks.distance import centre_of
from samara.measurement.evaluation.adapters import model_under_test
from samara.measurement.evaluation.ground_truth import GroundTruth, read_ground_truth
from samara.measurement.evaluation.scoring import score_image
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.segmentation.automatic.generator import AutomaticMaskGenerator
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.instances.letterbox import Letterbox
from samara.segmentation.predictor import Predictor
from samara.segmentation.prompts import Prompt
from tests.finetuning.conftest import make_tiny
from tests.measurement.evaluation.conftest import write_coco
from tests.segmentation.instances.planted import PlantedEngine, disc


@pytest.fixture(scope="module")
def loaded():
    return make_tiny()


IMAGE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
CLICKS = [Prompt([x, 30], [1]) for x in (10, 30, 70)]
BOX = Prompt(box=[5, 5, 40, 50])


def test_ambiguous_prompts_get_the_best_of_three_and_others_the_one(loaded):
    model, predictor = model_under_test(loaded), Predictor(loaded)
    seen = model.embed(IMAGE)
    answers = model.answer(seen, [CLICKS[0], BOX, *CLICKS[1:]])
    three = predictor.predict_prompts(seen.embedding, CLICKS, multimask=True)
    for click, answer in enumerate([answers[0], *answers[2:]]):
        best = 3 * click + int(three.predicted_iou[3 * click : 3 * click + 3].argmax())
        assert answer.rle == three.rles[best]
        assert answer.predicted_iou == pytest.approx(three.predicted_iou[best], abs=1e-5)
        np.testing.assert_allclose(answer.low_res_logits, three.low_res_logits[best], atol=1e-4)
    assert answers[1].rle == predictor.predict_prompts(seen.embedding, [BOX], multimask=False).rles[0]


def test_many_prompts_are_answered_in_order(loaded):
    model = model_under_test(loaded)
    seen = model.embed(IMAGE)
    whole = model.answer(seen, CLICKS)
    model.segmenter.prompts_at_a_time = 2
    assert [one.rle for one in model.answer(seen, CLICKS)] == [one.rle for one in whole]
    assert model.answer(seen, []) == []


def test_everything_has_no_thresholds(loaded):
    model = model_under_test(loaded, points_per_side=3)
    everything = model.everything(model.embed(IMAGE))
    settings = AutomaticSettings(points_per_side=3, pred_iou_thresh=0.0, stability_score_thresh=0.0)
    assert everything.rles == AutomaticMaskGenerator(loaded, settings).generate(IMAGE).rles


def test_capabilities_are_the_variants(loaded):
    assert model_under_test(loaded).capabilities == loaded.variant.capabilities


@pytest.fixture(scope="module")
def fastsam():
    return samara.load("fastsam_s", weights="random", device="cpu", precision="float32", input_size=320)


def planted(model, discs):
    """The detector finds these discs, whatever it sees."""
    engine = PlantedEngine(Letterbox((60, 80), 320), discs, 1)
    model.segmenter.engine = engine


def test_a_detectors_prompts_choose_among_what_it_found(fastsam):
    model = model_under_test(fastsam)
    assert model.capabilities == fastsam.variant.capabilities
    planted(model, [(20, 30, 10, 0, 1.0), (22, 30, 16, 0, 2.0), (60, 30, 9, 0, -3.0)])
    seen = model.embed(IMAGE)
    assert len(model.segmenter.everything(seen)) == 2  # the third is below the checkpoint's own confidence
    in_both = Prompt([20, 30], [1])
    one, both, box, nothing = model.answer(
        seen, [in_both, Prompt([[20, 30], [8, 30]], [1, 1]), Prompt(box=[10, 20, 30, 40]), Prompt([60, 30], [1])]
    )
    larger = disc((60, 80), 22, 30, 16)
    assert iou(one, larger) > 0.9
    assert one.predicted_iou == pytest.approx(1 / (1 + np.exp(-2)))
    assert iou(both, larger | disc((60, 80), 20, 30, 10)) > 0.9
    assert iou(box, disc((60, 80), 20, 30, 10)) > 0.9
    assert (nothing.rle.area, nothing.predicted_iou) == (0, 0)
    assert len(model.everything(seen)) == 3


def iou(answer, wanted):
    mask = answer.rle.decode()
    return (mask & wanted).sum() / (mask | wanted).sum()


def test_a_detector_that_takes_no_prompts_finds_everything():
    yolo = samara.load("yolo11n-seg", weights="random", device="cpu", precision="float32", input_size=64)
    model = model_under_test(yolo)
    assert not model.capabilities.points
    assert model.everything(model.embed(IMAGE)).size_hw == (60, 80)


def test_a_detector_that_found_nothing_gives_empty_masks(fastsam):
    model = model_under_test(fastsam)
    planted(model, [])
    seen = model.embed(IMAGE)
    answers = model.answer(seen, [CLICKS[0], BOX])
    assert [(one.rle.decode().shape, one.rle.area, one.predicted_iou) for one in answers] == [((60, 80), 0, 0.0)] * 2
    assert len(model.everything(seen)) == 0


def test_background_points_rule_out_what_a_click_would_choose(fastsam):
    model = model_under_test(fastsam)
    planted(model, [(20, 30, 8, 0, 1.0), (22, 30, 16, 0, 2.0)])
    prompt = Prompt([[20, 30], [34, 30]], [1, 0])  # the larger disc reaches the second point
    (answer,) = model.answer(model.embed(IMAGE), [prompt])
    assert iou(answer, disc((60, 80), 20, 30, 8)) > 0.85


def test_recall_and_prompts_agree_with_the_metrics_of_a_whole_image(fastsam, tmp_path):
    """From ground truth to scores, FastSAM answers like any checkpoint, clicks until good included."""
    coco = write_coco(tmp_path, sources=("a",), objects=2)
    (image,) = read_ground_truth(GroundTruth(coco, tmp_path / "images"), EvaluationSettings())
    model = model_under_test(fastsam)
    (x, y), (x0, y0, x1, y1) = centre_of(image.objects[0]), image.objects[0].box_xyxy
    planted(model, [(x, y, min(x1 - x0, y1 - y0) / 2, 0, 3.0)])
    scores = score_image(model, image, ("centre_click", "box", "clicks", "everything"), 0)
    first, second = scores.objects
    assert 0.2 < first.answers["box"].iou == first.answers["centre_click"].iou
    assert len(first.clicks) == 20 or max(first.clicks) >= 0.9
    assert second.answers["centre_click"].iou < first.answers["centre_click"].iou
    assert scores.everything is not None
