"""What is timed does what a user's calls do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import samara
from samara.measurement.benchmarking.workloads import Workloads
from samara.segmentation.automatic.generator import AutomaticMaskGenerator
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.instances.segmenter import InstanceSegmenter
from samara.segmentation.instances.settings import InstanceSettings
from samara.segmentation.predictor import Predictor
from tests.engines.conftest import small
from tests.finetuning.conftest import make_tiny

IMAGES = [np.random.default_rng(seed).integers(0, 256, (40, 50 + seed, 3), dtype=np.uint8) for seed in range(3)]


@pytest.fixture(scope="module")
def tiny():
    return make_tiny()


def test_batches_take_the_images_in_turn(tiny, monkeypatch):
    batches = []
    monkeypatch.setattr(
        Predictor, "embed", lambda self, images, batch_size: batches.append([one.shape[1] for one in images])
    )
    workloads = Workloads(tiny, IMAGES, 2)
    for call in range(3):
        workloads.encode(2, call)
    assert batches == [[50, 51], [52, 50], [51, 52]]


def test_clicks_are_answered_with_three_masks_each(tiny):
    workloads = Workloads(tiny, IMAGES, 2)
    masks = workloads.decode(5, 0)
    assert len(masks) == 15
    assert masks.size_hw == (40, 50)
    assert workloads.decode(5, 1).rles != masks.rles


def test_everything_has_the_thresholds_of_a_trained_checkpoint(tiny):
    trained = replace(tiny, provenance=replace(tiny.provenance, weights="file"))
    workloads = Workloads(trained, IMAGES, 3)
    expected = AutomaticMaskGenerator(trained, AutomaticSettings(points_per_side=3)).generate(IMAGES[1])
    assert workloads.everything(1).rles == expected.rles
    assert workloads.note == ""


def test_of_random_weights_a_third_of_the_masks_is_drawn(tiny):
    workloads = Workloads(tiny, IMAGES, 8)
    settings = workloads.segmenter.generator.settings
    masks = Predictor(tiny).predict(
        workloads.embedding,
        points=np.stack(np.meshgrid(np.arange(3, 50, 6), np.arange(2, 40, 5)), -1).reshape(-1, 1, 2),
    )
    share = (masks.predicted_iou > settings.pred_iou_thresh).mean()
    assert share == pytest.approx(1 / 3, abs=0.12)
    assert "a third of the masks" in workloads.note
    assert len(workloads.everything(0)) > 0


@pytest.fixture(scope="module")
def yolo():
    return samara.load("yolo11n-seg", weights="random", device="cpu", precision="float32", input_size=64)


def test_a_detector_finds_everything_with_its_own_settings(yolo, monkeypatch):
    asked = []
    monkeypatch.setattr(InstanceSegmenter, "generate", lambda self, image: asked.append((self, image.shape[1])))
    workloads = Workloads(yolo, IMAGES, 32)
    for call in range(4):
        workloads.everything(call)
    segmenters, widths = zip(*asked, strict=True)
    assert set(segmenters) == {workloads.segmenter}  # the network is made ready once
    assert widths == (50, 51, 52, 50)
    assert workloads.segmenter.settings == InstanceSettings()
    assert workloads.segmenter.confidence_thresh == yolo.pred_iou_thresh


def test_a_detector_may_find_nothing(yolo):
    workloads = Workloads(yolo, IMAGES, 1)
    workloads.segmenter.confidence_thresh = 2.0  # random weights may be sure of everything
    masks = workloads.everything(0)
    assert len(masks) == 0
    assert masks.size_hw == (40, 50)


def test_how_much_random_weights_draw_is_told(yolo):
    assert "differs from that of trained weights" in Workloads(yolo, IMAGES, 1).note
    trained = replace(yolo, provenance=replace(yolo.provenance, weights="file"))
    assert Workloads(trained, IMAGES, 1).note == ""


def test_a_checkpoint_that_takes_boxes_alone_is_timed_on_boxes():
    workloads = Workloads(small("lite_medsam", 64), [np.zeros((40, 60, 3), np.uint8)], 2)
    assert len(workloads.decode(5, 0)) == 5
    assert workloads.why_not_everything == "LiteMedSAM answers boxes alone"
