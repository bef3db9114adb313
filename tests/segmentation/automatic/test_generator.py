"""The generator: empty results, own options, progress, embeddings, bounded memory."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import samara
from samara.errors import EmbeddingError, SettingsError
from samara.masks.overlap import mask_intersection, mask_iou
from tests.conftest import load_bootstrap


@pytest.fixture(scope="module")
def mini():
    """Weights that do not change, so that it is known which masks pass."""
    return load_bootstrap(input_size=160)


@pytest.fixture(scope="module")
def image(dog):
    return np.asarray(Image.open(dog).resize((240, 160)))


@pytest.fixture(scope="module")
def generate(mini, image):
    """Run with some settings on a small image."""

    def run(image=image, progress=None, **settings):
        settings = {"points_per_side": 6} | settings
        generator = samara.AutomaticMaskGenerator(mini, samara.AutomaticSettings(**settings))
        return generator.generate(image, progress=progress)

    return run


def test_thresholds_belong_to_the_checkpoint(mini):
    generator = samara.AutomaticMaskGenerator(mini)
    assert (generator.settings.pred_iou_thresh, generator.settings.stability_score_thresh) == (
        mini.pred_iou_thresh,
        mini.stability_score_thresh,
    )
    official = samara.AutomaticMaskGenerator(dataclasses.replace(mini, pred_iou_thresh=0.88))
    assert official.settings.pred_iou_thresh == 0.88


@pytest.mark.parametrize("crops", [0, 1])
def test_nothing_found_is_a_result(generate, crops):
    masks = generate(pred_iou_thresh=0.999, points_per_side=2, crop_n_layers=crops, min_mask_region_area=10)
    assert len(masks) == 0
    assert masks.to_coco() == []
    assert masks.masks().shape == (0, 160, 240)


def test_one_colour_has_no_objects_but_passes(generate):
    masks = generate(np.full((64, 64, 3), 128, dtype=np.uint8), points_per_side=2)
    assert masks.size_hw == (64, 64)


def test_without_thresholds_no_number_is_nan_and_no_mask_is_empty(generate):
    masks = generate(pred_iou_thresh=0, stability_score_thresh=0, box_nms_thresh=1.0, points_per_side=4)
    assert len(masks) > 10
    json.dumps(masks.to_coco(), allow_nan=False)
    assert masks.areas.min() > 0
    assert (masks.stability_score >= 0).all()
    assert (masks.stability_score <= 1).all()


def test_masks_pass_the_thresholds_and_fall_in_predicted_iou(generate):
    masks = generate(pred_iou_thresh=0.4, stability_score_thresh=0.75)
    assert len(masks) > 0
    assert masks.predicted_iou.min() > 0.4
    assert masks.stability_score.min() >= 0.75
    assert (np.diff(masks.predicted_iou) <= 0).all()


def test_every_mask_belongs_to_the_point_it_came_from(generate):
    masks = generate(points_per_side=4)
    x, y = masks.prompt_index % 4, masks.prompt_index // 4
    np.testing.assert_allclose(masks.points_xy, np.stack([(x + 0.5) * 60, (y + 0.5) * 40], axis=1))


@pytest.mark.parametrize("points_per_batch", [1, 5, 1000])
def test_batches_do_not_change_the_result(generate, points_per_batch):
    expected = generate(points_per_side=4)
    masks = generate(points_per_side=4, points_per_batch=points_per_batch)
    assert len(masks) == len(expected)
    assert np.diag(mask_iou(masks.rles, expected.rles)).min() > 0.99


def test_progress_counts_every_point(generate):
    told = []
    generate(points_per_side=4, points_per_batch=7, crop_n_layers=1, progress=lambda *steps: told.append(steps))
    assert told[-1] == ("everything", 80, 80)
    assert [done for _, done, _ in told] == sorted({done for _, done, _ in told})


def test_an_embedding_made_earlier_gives_the_same_masks(mini, image, generate):
    generator = samara.AutomaticMaskGenerator(mini, samara.AutomaticSettings(points_per_side=6))
    assert generator.generate(generator.predictor.embed(image)).rles == generate().rles


def test_an_embedding_cannot_be_cropped(mini, image):
    generator = samara.AutomaticMaskGenerator(mini, samara.AutomaticSettings(crop_n_layers=1))
    with pytest.raises(SettingsError, match="pass the image"):
        generator.generate(generator.predictor.embed(image))


def test_an_embedding_of_another_encoder_is_refused(mini, image):
    embedding = dataclasses.replace(samara.Predictor(mini).embed(image), fingerprint="other")
    with pytest.raises(EmbeddingError, match="embed the image again"):
        samara.AutomaticMaskGenerator(mini).generate(embedding)


def test_crops_find_masks_in_the_frame_of_the_image(generate):
    masks = generate(crop_n_layers=1)
    assert masks.masks().shape[1:] == (160, 240)
    layers = {tuple(box) for box in masks.crop_boxes_xyxy.tolist()}
    assert len(layers) > 1
    for rle, (x0, y0, x1, y1) in zip(masks.rles, masks.crop_boxes_xyxy.tolist(), strict=True):
        left, top, right, bottom = rle.box_xyxy
        assert x0 <= left < right <= x1
        assert y0 <= top < bottom <= y1


def test_duplicates_are_dropped_by_their_masks(generate):
    masks = generate(box_nms_thresh=1.0, mask_nms_thresh=0.6, points_per_side=8)
    iou = mask_iou(masks.rles, masks.rles)
    np.fill_diagonal(iou, 0)
    assert len(generate(box_nms_thresh=1.0, points_per_side=8)) > len(masks) > 0
    assert iou.max() <= 0.6


def test_containment(generate):
    masks = generate(containment_thresh=0.9)
    shared = mask_intersection(masks.rles, masks.rles) / np.minimum.outer(masks.areas, masks.areas)
    np.fill_diagonal(shared, 0)
    assert shared.max(initial=0) <= 0.9


def test_an_exclusive_partition(generate):
    assert generate(exclusive=True).masks().sum(axis=0).max() == 1


def test_hierarchy_is_filled_when_asked_for(generate):
    masks = generate(hierarchy=True)
    assert masks.parent.shape == (len(masks),)
    assert generate().parent is None


def test_small_regions_are_cleaned(generate):
    masks = generate(min_mask_region_area=50)
    assert len(masks) > 0
    for mask in masks.masks():
        assert mask.any()


def test_own_points(generate):
    masks = generate(points_per_side=None, point_grids=(np.array([[0.5, 0.5], [0.25, 0.25]]),), pred_iou_thresh=0)
    assert {tuple(point) for point in masks.points_xy.tolist()} <= {(120.0, 80.0), (60.0, 40.0)}


def test_no_point_gives_no_mask(generate):
    assert len(generate(points_per_side=None, point_grids=(np.zeros((0, 2)),))) == 0


PEAK = """
import numpy as np
import samara
from samara.measurement.benchmarking.memory import peak_resident_bytes
loaded = samara.load({checkpoint!r}, weights={weights!r}, device="cpu", precision="float32")
rng = np.random.default_rng(0)
image = np.repeat(np.repeat(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8), 100, axis=0), 100, axis=1)
settings = samara.AutomaticSettings(points_per_side={points}, pred_iou_thresh=0, stability_score_thresh=0)
generator = samara.AutomaticMaskGenerator(loaded, settings)
before = peak_resident_bytes()
generator.generate(image)
print(peak_resident_bytes() - before)  # getrusage begins with the peak of the process that runs the tests
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process its peak")
@pytest.mark.parametrize(
    ("checkpoint", "weights", "points"),
    [
        ("samara_mini", "file", 4),
        pytest.param("samara_mini", "file", 32, marks=pytest.mark.slow),
        pytest.param("sam_vit_b", "random", 8, marks=pytest.mark.slow),
    ],
)
def test_twelve_megapixels_stay_below_one_and_a_half_gigabytes(checkpoint, weights, points):
    """With no threshold at all, so that every mask is resized; the official code takes 9.2 GB for 64 points."""
    code = PEAK.format(checkpoint=checkpoint, weights=weights, points=points)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(result.stdout) < 1.5e9


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_an_autocast_around_the_caller_changes_no_mask(generate, dtype):
    expected = generate(points_per_side=4)
    with torch.autocast("cpu", dtype=dtype):
        found = generate(points_per_side=4)
    assert found.rles == expected.rles
