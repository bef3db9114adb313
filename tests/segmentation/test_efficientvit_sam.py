"""EfficientViT-SAM does what SAM does, with prompts in a larger square than its network's input.

Values: tests/parity/test_efficientvit_networks.py.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import samara
from samara.annotation.inputs.decoded import DecodedImage
from samara.annotation.run.annotator import make_annotator
from samara.annotation.run.settings import AnnotationSettings
from samara.annotation.store.plan import Asked
from samara.errors import PromptError
from samara.measurement.evaluation.adapters import model_under_test
from samara.segmentation.embedding_store import EmbeddingStore
from samara.segmentation.open import open_segmenter
from samara.segmentation.prompts import Prompt
from samara.segmentation.stored_predictor import StoredPredictor
from tests.engines.conftest import small


@pytest.fixture(scope="module")
def loaded():
    return small("efficientvit_sam_l0", 64)


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (60, 110, 3), dtype=np.uint8)


CLICKS = [Prompt([x, 30]) for x in range(5, 105, 10)]
BOX = Prompt(box=[5, 5, 90, 50])


def expected(loaded, image, prompts, multimask):
    """By the network as a module, one prompt at a time; coordinates scaled to 128, the image to 64."""
    scale = np.array([128 / 110, 70 / 60])
    with torch.inference_mode():
        for prompt in prompts:
            points = boxes = None
            if len(prompt.points_xy):
                at = torch.from_numpy(prompt.points_xy * scale).float()[None]
                points = (at, torch.tensor([[1]]))
            if prompt.box_xyxy is not None:
                boxes = torch.from_numpy(prompt.box_xyxy * np.tile(scale, 2)).float()[None]
            yield loaded.sam(loaded.network_input(image), points, boxes, multimask=multimask)


def test_prompts_have_the_networks_own_answers_one_by_one_and_many_together(loaded, image):
    predictor = samara.Predictor(loaded)
    embedding, other = predictor.embed([image, image[:, ::-1].copy()], batch_size=2)
    assert (embedding.features.shape, embedding.input_size) == ((256, 8, 8), 64)
    assert (embedding.frame.side, embedding.frame.resized_size_hw) == (128, (70, 128))
    whole = [logits[0] for logits, _ in expected(loaded, image, CLICKS, True)]
    for prompts in (CLICKS[:1], CLICKS[:3], CLICKS):  # the last ones share what they can, see `TorchEngine`
        found = predictor.predict_prompts(embedding, prompts)
        np.testing.assert_allclose(found.low_res_logits, torch.cat(whole[: len(prompts)]), atol=1e-4)
        assert found.size_hw == (60, 110)
    of_two = predictor.predict_batch([embedding, other], [[BOX], [BOX]], multimask=False)
    for masks, pixels in zip(of_two, (image, image[:, ::-1].copy()), strict=True):
        ((logits, _),) = expected(loaded, pixels, [BOX], False)
        np.testing.assert_allclose(masks.low_res_logits, logits[0], atol=1e-4)


def test_a_mask_prompt_is_on_the_grid_of_low_res_logits(loaded, image):
    predictor = samara.Predictor(loaded)
    embedding = predictor.embed(image)
    first = predictor.predict(embedding, points=[40, 30], multimask=False)
    assert first.low_res_logits.shape == (1, 32, 32)
    again = predictor.predict(embedding, points=[40, 30], mask_logits=first.low_res_logits[0], multimask=False)
    assert not np.allclose(again.low_res_logits, first.low_res_logits, atol=1e-3)
    with pytest.raises(PromptError, match="mask logits must be 32 × 32"):
        predictor.predict(embedding, points=[40, 30], mask_logits=np.zeros((16, 16), np.float32))


def test_an_embedding_from_a_file_or_a_store_is_as_good(loaded, image, tmp_path):
    predictor = StoredPredictor(loaded, EmbeddingStore(tmp_path, 1 << 30))
    embedding = predictor.embed(image)
    again = predictor.embed(image)
    assert again is not embedding
    assert (again.input_size, again.frame) == (64, embedding.frame)
    one, other = (predictor.predict_prompts(it, CLICKS[:2]) for it in (embedding, again))
    assert one.rles == other.rles


def test_automatic_points_are_those_of_the_frame(loaded):
    """32 along each side of 1024, whatever the network sees."""
    assert samara.AutomaticSettings().for_checkpoint(loaded).points_per_side == 4


def test_whatever_asks_a_segmenter_asks_it_too(loaded, image):
    settings = samara.AutomaticSettings(points_per_side=2, pred_iou_thresh=0.0, stability_score_thresh=0.0)
    everything = open_segmenter(loaded, settings).generate(image)
    model = model_under_test(loaded, points_per_side=2)
    seen = model.embed(image)
    assert model.everything(seen).rles == everything.rles
    assert everything.size_hw == (60, 110)
    answers = model.answer(seen, [CLICKS[0], BOX])
    assert [one.low_res_logits.shape for one in answers] == [(32, 32)] * 2
    annotator = make_annotator(loaded, AnnotationSettings(asking="prompts"))
    masks = annotator.annotate(DecodedImage(image), [Asked(box=(5.0, 5.0, 90.0, 50.0))])
    assert masks.rles[0] == answers[1].rle
