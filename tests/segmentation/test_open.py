"""One factory for every checkpoint, and settings that are translated or refused, never ignored."""

from __future__ import annotations

import json

import numpy as np
import pytest

import samara
from samara.errors import SettingsError
from samara.segmentation.instances.segmenter import InstanceSegmenter
from samara.segmentation.open import open_segmenter
from samara.segmentation.predictor import Predictor
from samara.segmentation.prompted import PromptedSegmenter


@pytest.fixture(scope="module")
def fastsam():
    return samara.load("fastsam_s", weights="random", device="cpu", precision="float32", input_size=64)


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
    with pytest.raises(SettingsError, match=f"without a grid of points or crops; leave out {names}"):
        open_segmenter(fastsam, samara.AutomaticSettings(**settings))


def test_instance_settings_are_for_detectors(mini, fastsam):
    with pytest.raises(SettingsError, match="samara_mini takes AutomaticSettings"):
        open_segmenter(mini, samara.InstanceSettings())
    settings = samara.InstanceSettings(max_instances=3)
    assert open_segmenter(fastsam, settings).settings is settings


def test_a_predictor_of_ones_own_is_made_only_where_there_is_one(mini, fastsam):
    made = []

    def make(loaded):
        made.append(Predictor(loaded))
        return made[-1]

    assert isinstance(open_segmenter(fastsam, predictor=make), InstanceSegmenter)
    assert made == []
    segmenter = open_segmenter(mini, predictor=make)
    assert isinstance(segmenter, PromptedSegmenter)
    assert [segmenter.predictor] == made
