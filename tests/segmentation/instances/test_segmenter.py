"""From an image to masks: planted detections come back where they are, and real networks run."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

import samara
from samara.errors import PromptError, SettingsError, WrongCheckpoint
from samara.networks.class_names import COCO
from samara.segmentation.instances.letterbox import Letterbox
from samara.segmentation.instances.segmenter import InstanceSegmenter
from samara.segmentation.instances.settings import InstanceSettings
from tests.segmentation.instances.planted import PlantedEngine, disc


@pytest.fixture(scope="module")
def yolo():
    return samara.load("yolo11n-seg", weights="random", device="cpu", precision="float32", input_size=320)


@pytest.fixture(scope="module")
def fastsam():
    return samara.load("fastsam_s", weights="random", device="cpu", precision="float32", input_size=320)


def planted(loaded, size_hw, discs, settings=None):
    segmenter = InstanceSegmenter(loaded, settings)
    letterbox = Letterbox(size_hw, loaded.input_size)
    segmenter.engine = PlantedEngine(letterbox, discs, loaded.variant.detector.classes)
    return segmenter, np.random.default_rng(0).integers(0, 256, (*size_hw, 3), dtype=np.uint8)


CAT, TOOTHBRUSH = COCO.index("cat"), COCO.index("toothbrush")


@pytest.mark.parametrize("size_hw", [(400, 700), (700, 400), (301, 499), (150, 150), (1000, 1003)])
def test_planted_instances_come_back_at_full_size(yolo, size_hw):
    height, width = size_hw
    discs = [
        (0.3 * width, 0.4 * height, 0.12 * min(size_hw), CAT, 2.0),
        (0.7 * width, 0.6 * height, 0.16 * min(size_hw), TOOTHBRUSH, 1.0),
        (0.1 * width, 0.9 * height, 0.3 * min(size_hw), CAT, 0.0),  # cut off by the image
    ]
    segmenter, image = planted(yolo, size_hw, discs)
    masks = segmenter.generate(image)
    assert len(masks) == 3
    assert masks.size_hw == size_hw
    assert [masks.class_name(index) for index in range(3)] == ["cat", "toothbrush", "cat"]
    np.testing.assert_allclose(masks.predicted_iou, 1 / (1 + np.exp([-2, -1, 0])), rtol=1e-5)
    for mask, (x, y, radius, _, _) in zip(masks.masks(), discs, strict=True):
        wanted = disc(size_hw, x, y, radius)
        assert (mask & wanted).sum() / (mask | wanted).sum() > 0.95
    assert masks.checkpoint == "yolo11n-seg"


def test_network_input_is_letterboxed_rgb_between_0_and_1(yolo):
    segmenter, image = planted(yolo, (100, 300), [])
    image[...] = (255, 51, 0)
    segmenter.generate(image)
    (seen,) = segmenter.engine.seen
    assert seen.shape == (1, 3, 128, 320)
    assert torch.allclose(seen[0, :, 60, 100], torch.tensor([1.0, 0.2, 0.0]))
    assert torch.allclose(seen[0, :, 0, 0], torch.tensor(114 / 255))


def test_settings_are_obeyed(yolo):
    discs = [(60, 60, 30, CAT, 3.0), (62, 60, 30, TOOTHBRUSH, 2.0), (200, 60, 40, CAT, -2.0), (205, 60, 40, CAT, 1.0)]

    def count(**settings):
        segmenter, image = planted(yolo, (200, 320), discs, InstanceSettings(**settings))
        return len(segmenter.generate(image))

    assert count() == 3  # confidence 0.25: the third is at 0.12
    assert count(confidence_thresh=0.1) == 3  # and suppressed by the fourth
    assert count(confidence_thresh=0.1, box_nms_thresh=0.95) == 4
    assert count(confidence_thresh=0.8) == 2
    assert count(max_instances=1) == 1
    assert count(mask_nms_thresh=0.8) == 2  # whatever its class
    assert count(containment_thresh=0.8) == 2
    segmenter, image = planted(yolo, (200, 320), discs, InstanceSettings(exclusive=True, hierarchy=True))
    masks = segmenter.generate(image)
    assert masks.masks().sum(0).max() == 1
    assert len(masks.parent) == len(masks)


def test_holes_are_filled(yolo):
    areas = []
    for area in (0, 500):
        segmenter, image = planted(
            yolo, (200, 320), [(100, 100, 40, CAT, 3.0)], InstanceSettings(min_mask_region_area=area)
        )
        find = segmenter.engine.find

        def with_hole(images, find=find):
            raw = find(images)
            raw.prototypes[0, 0, 26:30, 24:27] = -1
            return raw

        segmenter.engine.find = with_hole
        areas.append(segmenter.generate(image).areas[0])
    whole = disc((200, 320), 100, 100, 40).sum()
    assert areas[0] < whole - 50
    assert areas[1] == pytest.approx(whole, rel=0.02)


def test_an_instance_that_shows_nothing_is_left_out(yolo):
    segmenter, image = planted(yolo, (200, 320), [(60, 60, 30, CAT, 3.0), (200, 60, 30, CAT, 2.0)])
    told = []
    find = segmenter.engine.find

    def without_first(images):
        raw = find(images)
        raw.prototypes[0, 0] = -1
        return raw

    segmenter.engine.find = without_first
    masks = segmenter.generate(image, progress=lambda *steps: told.append(steps))
    assert len(masks) == 1
    assert masks.prompt_index.tolist() == [0]
    assert masks.predicted_iou[0] == pytest.approx(1 / (1 + np.exp(-2)))
    assert told == [("instances", 1, 2), ("instances", 2, 2)]


def test_prompts_choose(fastsam):
    discs = [(60, 60, 40, 0, 1.0), (60, 60, 15, 0, 2.0), (220, 100, 50, 0, 3.0)]
    segmenter, image = planted(fastsam, (200, 320), discs)
    several = segmenter.predict(image, points=[60, 60])
    assert [round(confidence, 2) for confidence in several.predicted_iou] == [0.88, 0.73]
    (merged,) = segmenter.predict(image, points=[60, 60], multimask=False).masks()
    assert np.array_equal(merged, several.masks()[1])
    boxed = segmenter.predict(image, boxes=[[170, 50, 270, 150], [40, 40, 80, 80]])
    assert boxed.prompt_index.tolist() == [0, 1]
    assert boxed.predicted_iou.tolist() == pytest.approx([0.9526, 0.8808], abs=1e-4)
    assert len(segmenter.engine.seen) == 3


def test_yolo_takes_no_prompts_and_says_who_does(yolo):
    segmenter, image = planted(yolo, (200, 320), [])
    with pytest.raises(PromptError, match=r"YOLO11n-seg cannot take points; SAM, .*, FastSAM and YOLO-seg can"):
        segmenter.predict(image, points=[5, 5])
    with pytest.raises(PromptError, match="YOLO11n-seg cannot take boxes"):
        segmenter.predict(image, boxes=[5, 5, 9, 9])
    assert segmenter.engine.seen == []


def test_fastsam_takes_no_mask_logits(fastsam):
    segmenter, image = planted(fastsam, (200, 320), [])
    with pytest.raises(PromptError, match="FastSAM-s cannot take mask logits; SAM"):
        segmenter.predict_prompts(image, [samara.Prompt(mask_logits=np.zeros((9, 9)))])


def test_a_checkpoint_that_answers_prompts_is_refused(mini):
    with pytest.raises(WrongCheckpoint, match=r"samara_mini .* is promptable; use samara.Predictor"):
        InstanceSegmenter(mini)


@pytest.mark.parametrize("name", ["fastsam", "yolo"])
def test_real_networks_run(name, request, dog):
    loaded = request.getfixturevalue(name)
    segmenter = InstanceSegmenter(loaded, InstanceSettings(confidence_thresh=0.0))
    masks = segmenter.generate(dog)
    assert 0 < len(masks) <= 300
    again = segmenter.generate(samara.read_image(dog))
    assert [rle.counts for rle in again.rles] == [rle.counts for rle in masks.rles]
    assert set(masks.class_index) <= set(range(len(loaded.variant.class_names)))
    json.dumps(segmenter.described_settings(), allow_nan=False)


def test_thresholds_are_those_of_the_checkpoint(fastsam, yolo):
    assert InstanceSegmenter(fastsam).described_settings() == {
        **dataclasses.asdict(InstanceSettings()),
        "confidence_thresh": 0.4,
        "box_nms_thresh": 0.9,
    }
    settings = InstanceSegmenter(yolo, InstanceSettings(box_nms_thresh=0.3)).described_settings()
    assert (settings["confidence_thresh"], settings["box_nms_thresh"]) == (0.25, 0.3)


def test_the_size_must_be_a_multiple_of_32():
    with pytest.raises(SettingsError, match="input_size is 336; it must be a positive multiple of 32"):
        samara.load("yolo11n-seg", weights="random", input_size=336)


def test_an_autocast_around_the_caller_changes_no_mask(yolo):
    segmenter, image = planted(yolo, (200, 320), [(60, 60, 30, CAT, 3.0), (200, 110, 47, CAT, 2.0)])
    expected = segmenter.generate(image)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert segmenter.generate(image).rles == expected.rles


def test_images_of_one_letterbox_share_a_pass(yolo, monkeypatch):
    segmenter = InstanceSegmenter(yolo, InstanceSettings(confidence_thresh=0.0, max_instances=3))
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (*size_hw, 3), dtype=np.uint8) for size_hw in ((40, 60), (60, 40), (80, 120))]
    alone = [segmenter.generate(image) for image in images]
    found, find = [], segmenter.engine.find
    monkeypatch.setattr(segmenter.engine, "find", lambda inputs: found.append(len(inputs)) or find(inputs))
    together = [segmenter.everything(one) for one in segmenter.embed_ready([*map(segmenter.ready, images)])]
    assert found == [2, 1]
    for one, expected in zip(together, alone, strict=True):
        assert one.size_hw == expected.size_hw
        assert one.predicted_iou == pytest.approx(expected.predicted_iou, abs=1e-5)
