"""One interface to every checkpoint, and settings that are translated or refused, never ignored."""

from __future__ import annotations

import json

import numpy as np
import pytest

import samara
from samara.errors import PromptError, SettingsError
from samara.segmentation.instances.segmenter import InstanceSegmenter
from samara.segmentation.prompts import Prompt
from samara.segmentation.segmenter import PromptedSegmenter, open_segmenter


@pytest.fixture(scope="module")
def fastsam():
    return samara.load("fastsam_s", weights="random", device="cpu", precision="float32", input_size=64)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


FEW = samara.AutomaticSettings(points_per_side=2, pred_iou_thresh=0.0, stability_score_thresh=0.0)


def test_who_answers_prompts_does_what_predictor_and_generator_do(mini, image):
    segmenter = open_segmenter(mini, FEW)
    assert isinstance(segmenter, PromptedSegmenter)
    everything = segmenter.generate(image)
    wanted = samara.AutomaticMaskGenerator(mini, FEW).generate(image)
    assert [rle.counts for rle in everything.rles] == [rle.counts for rle in wanted.rles]
    predictor = samara.Predictor(mini)
    prompts = [Prompt([5, 5]), Prompt(box=[1, 1, 30, 30])]
    for multimask in (True, False):
        answer = segmenter.predict_prompts(image, prompts, multimask=multimask)
        wanted = predictor.predict_prompts(predictor.embed(image), prompts, multimask=multimask)
        assert [rle.counts for rle in answer.rles] == [rle.counts for rle in wanted.rles]


def test_settings_are_described_for_json(mini, fastsam):
    grid = samara.AutomaticSettings(points_per_side=None, point_grids=(np.array([[0.5, 0.5]]),))
    described = open_segmenter(mini, grid).described_settings()
    assert described["point_grids"] == "given"
    assert described["pred_iou_thresh"] == mini.pred_iou_thresh
    json.dumps(described, allow_nan=False)
    json.dumps(open_segmenter(fastsam).described_settings(), allow_nan=False)


def test_automatic_settings_are_translated_where_they_mean_something(fastsam):
    segmenter = open_segmenter(
        fastsam,
        samara.AutomaticSettings(
            pred_iou_thresh=0.6,
            box_nms_thresh=0.5,
            min_mask_region_area=9,
            mask_nms_thresh=0.8,
            containment_thresh=0.7,
            exclusive=True,
            hierarchy=True,
        ),
    )
    assert isinstance(segmenter, InstanceSegmenter)
    assert segmenter.settings == samara.InstanceSettings(
        confidence_thresh=0.6,
        box_nms_thresh=0.5,
        min_mask_region_area=9,
        mask_nms_thresh=0.8,
        containment_thresh=0.7,
        exclusive=True,
        hierarchy=True,
    )
    assert open_segmenter(fastsam, samara.AutomaticSettings()).box_nms_thresh == 0.9


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"points_per_side": 8}, "points_per_side"),
        ({"crop_n_layers": 1, "points_per_batch": 3}, "crop_n_layers, points_per_batch"),
        ({"stability_score_thresh": 0.5}, "stability_score_thresh"),
        ({"point_grids": (np.zeros((1, 2)),)}, "point_grids"),
    ],
)
def test_what_means_nothing_is_refused(fastsam, settings, names):
    with pytest.raises(SettingsError, match=f"without a grid of points or crops, so {names} cannot be chosen"):
        open_segmenter(fastsam, samara.AutomaticSettings(**settings))


def test_instance_settings_are_for_detectors(mini, fastsam):
    with pytest.raises(SettingsError, match="samara_mini takes AutomaticSettings"):
        open_segmenter(mini, samara.InstanceSettings())
    settings = samara.InstanceSettings(max_instances=3)
    assert open_segmenter(fastsam, settings).settings is settings


def test_capabilities_are_checked_before_the_network_runs(image, monkeypatch):
    loaded = samara.load("sam_hq_vit_tiny", weights="random", device="cpu", precision="float32", input_size=64)
    segmenter = open_segmenter(loaded)
    monkeypatch.setattr(segmenter.generator.predictor, "embed", None)
    monkeypatch.setattr("samara.segmentation.segmenter.check_capabilities", lambda *_: _refuse())
    with pytest.raises(PromptError, match="no"):
        segmenter.predict_prompts(image, [Prompt([5, 5])])


def _refuse():
    raise PromptError("no")
