"""EfficientSAM's own rules: which prompts it takes, how it segments everything, and bicubic masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import samara
from samara.errors import PromptError
from samara.segmentation.embeddings import ImageEmbedding
from samara.segmentation.prompts import Prompt
from tests.engines.conftest import small

BOX = [5, 5, 90, 50]
POINTS = [[10 * index, 20] for index in range(1, 8)]


@pytest.fixture(scope="module")
def predictor():
    return samara.Predictor(small("efficient_sam_ti", 128))


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (60, 110, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def embedding(predictor, image):
    return predictor.embed(image)


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        (Prompt(POINTS[:2], [1, 0]), "background points"),
        (Prompt(POINTS), "7 points for one object"),
        (Prompt(POINTS[:5], box=BOX), "5 points beside a box for one object"),
        (Prompt(POINTS[:1], mask_logits=np.zeros((32, 32))), "mask logits"),
    ],
)
def test_what_it_cannot_take_is_refused_and_who_can_is_told(predictor, embedding, prompt, told):
    with pytest.raises(PromptError, match=f"EfficientSAM-Ti cannot take {told}; SAM, .* can") as refused:
        predictor.predict_prompts(embedding, [prompt])
    assert "EfficientSAM," not in str(refused.value)


@pytest.mark.parametrize("prompt", [Prompt(POINTS[:6]), Prompt(POINTS[:4], box=BOX), Prompt(box=BOX)])
def test_as_much_as_it_can_take(predictor, embedding, prompt):
    assert len(predictor.predict_prompts(embedding, [prompt])) == 3


def test_its_masks_are_bicubic_also_from_a_file(predictor, embedding, tmp_path):
    embedding.save(tmp_path / "embedding.safetensors")
    again = ImageEmbedding.load(tmp_path / "embedding.safetensors")
    assert again.frame == embedding.frame
    masks = predictor.predict(again, boxes=BOX)
    logits = torch.from_numpy(masks.low_res_logits)
    whole = torch.nn.functional.interpolate(logits[None], (60, 110), mode="bicubic", align_corners=False)[0]
    near = whole.abs() < 1e-4
    for mask, expected, unsure in zip(masks.rles, whole > 0, near, strict=True):
        assert (mask.decode() == expected.numpy())[~unsure.numpy()].all()


def test_everything_is_searched_as_in_its_notebook(predictor, image):
    generator = samara.AutomaticMaskGenerator(predictor.loaded)
    settings = generator.settings
    assert (settings.min_mask_region_area, settings.best_of_three, settings.point_grid) == (100, True, "corners")
    every = samara.AutomaticSettings(
        points_per_side=4, pred_iou_thresh=0.0, stability_score_thresh=0.0, box_nms_thresh=1.0, min_mask_region_area=0
    )
    found = samara.AutomaticMaskGenerator(predictor.loaded, every, predictor=predictor).generate(image)
    assert len(set(found.prompt_index.tolist())) == len(found) > 4
    expected = {(110 * column / 4 + 0.5, 60 * row / 4 + 0.5) for row in range(4) for column in range(4)}
    assert {tuple(point) for point in found.points_xy.tolist()} <= expected
    of_one = predictor.predict(predictor.embed(image), points=found.points_xy[:1])
    assert found.predicted_iou[0] == pytest.approx(of_one.predicted_iou.max(), abs=1e-5)
