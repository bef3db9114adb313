"""A segmenter that embeds does what predictor and generator do."""

from __future__ import annotations

import numpy as np
import pytest

import samara
from samara.segmentation.prompted import PromptedSegmenter
from samara.segmentation.prompts import Prompt

FEW = samara.AutomaticSettings(points_per_side=2, pred_iou_thresh=0.0, stability_score_thresh=0.0)


@pytest.fixture(scope="module")
def mini(small_mini):
    return small_mini


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


@pytest.mark.parametrize("layers", [0, 1])
def test_everything_is_the_generators(mini, image, layers):
    settings = samara.AutomaticSettings(
        points_per_side=2, pred_iou_thresh=0.0, stability_score_thresh=0.0, crop_n_layers=layers
    )
    told = []
    found = PromptedSegmenter(mini, settings).generate(image, progress=lambda *steps: told.append(steps))
    wanted = []
    expected = samara.AutomaticMaskGenerator(mini, settings).generate(
        image, progress=lambda *steps: wanted.append(steps)
    )
    assert found.rles == expected.rles
    assert told == wanted


def test_answers_are_the_predictors(mini, image):
    segmenter, predictor = PromptedSegmenter(mini), samara.Predictor(mini)
    prompts = [Prompt([5, 5]), Prompt(box=[1, 1, 30, 30])]
    for multimask in (True, False):
        answer = segmenter.predict_prompts(image, prompts, multimask=multimask)
        assert answer.rles == predictor.predict_prompts(predictor.embed(image), prompts, multimask=multimask).rles


def test_an_image_is_encoded_once_and_for_crops_alone_not_as_a_whole(mini, image, monkeypatch):
    segmenter = PromptedSegmenter(mini, FEW)
    embedded, embed = [], segmenter.predictor.embed
    monkeypatch.setattr(segmenter.predictor, "embed", lambda pixels: embedded.append(pixels.shape) or embed(pixels))
    seen = segmenter.embed(image)
    assert embedded == []
    segmenter.best(seen, [Prompt([5, 5])])
    segmenter.everything(seen)
    segmenter.unsparing(2, 10).everything(seen)
    assert embedded == [image.shape]
    crops = PromptedSegmenter(
        mini, samara.AutomaticSettings(points_per_side=2, crop_n_layers=1), predictor=segmenter.predictor
    )
    crops.generate(image)
    assert len(embedded) == 1 + 1 + 4


def test_smaller_batches_share_the_predictor(mini):
    segmenter = PromptedSegmenter(mini, FEW)
    smaller = segmenter.with_smaller_batches()
    assert smaller.predictor is segmenter.predictor
    assert smaller.settings.points_per_batch == segmenter.settings.points_per_batch // 4
    assert smaller.prompts_at_a_time == 16
    for _ in range(9):
        smaller = smaller.with_smaller_batches()
    assert (smaller.settings.points_per_batch, smaller.prompts_at_a_time) == (1, 1)


def test_unsparing_has_no_thresholds(mini):
    settings = PromptedSegmenter(mini).unsparing(3, 1000).settings
    assert (settings.points_per_side, settings.pred_iou_thresh, settings.stability_score_thresh) == (3, 0.0, 0.0)


def test_prompts_of_several_images_share_a_pass(small_mini, dog, monkeypatch):
    segmenter = PromptedSegmenter(small_mini, prompts_at_a_time=4)
    pixels = samara.read_image(dog)
    images = [pixels, pixels[:300], pixels[:, :400]]
    asked = [[Prompt(box=[20, 20, 200, 200]), Prompt([[50, 60]])], [], [Prompt(box=[5, 9, 90, 120])] * 2]
    alone = [segmenter.best(segmenter.embed(image), prompts) for image, prompts in zip(images, asked, strict=True)]
    encoded, decoded = [], []
    engine = segmenter.predictor.engine
    encode, decode = engine.encode, engine.decode
    monkeypatch.setattr(engine, "encode", lambda inputs: encoded.append(len(inputs)) or encode(inputs))
    monkeypatch.setattr(engine, "decode", lambda *a, **k: decoded.append(len(a[1])) or decode(*a, **k))
    together = segmenter.best_of_several(segmenter.embed_ready([*map(segmenter.ready, images)]), asked)
    assert (encoded, decoded) == ([3], [1, 3])  # the click alone has three answers
    assert [len(masks) for masks in together] == [2, 0, 2]
    for one, expected in zip(together, alone, strict=True):
        assert one.prompt_index.tolist() == expected.prompt_index.tolist()
        for mask, wanted in zip(one.masks(), expected.masks(), strict=True):
            assert (mask != wanted).sum() <= 1e-4 * mask.size  # a batch of another size rounds differently
