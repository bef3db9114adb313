"""SAM 2 does what SAM does: prompts, everything, stored embeddings, annotation, evaluation, fine-tuning.

Values: tests/parity/test_sam2_networks.py.
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
from samara.finetuning.examples import examples_of
from samara.finetuning.processes import Processes
from samara.finetuning.training_set import TrainingSet
from samara.finetuning.validation import validate
from samara.measurement.evaluation.adapters import model_under_test
from samara.networks.sam2_mask_decoder import Sam2MaskDecoder, stability
from samara.segmentation.embedding_store import EmbeddingStore
from samara.segmentation.open import open_segmenter
from samara.segmentation.prompts import Prompt
from samara.segmentation.stored_predictor import StoredPredictor
from tests.engines.conftest import small
from tests.finetuning.conftest import draw


@pytest.fixture(scope="module")
def loaded():
    return small("sam2.1_hiera_t", 128)


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (60, 110, 3), dtype=np.uint8)


CLICKS = [Prompt([x, 30]) for x in range(5, 105, 10)]
BOX = Prompt(box=[5, 5, 90, 50])


def expected(loaded, image, prompts, multimask):
    """By the network as a module, one prompt at a time."""
    frame, inputs = loaded.frame_of(image.shape[:2]), loaded.network_input(image)
    with torch.inference_mode():
        for prompt in prompts:
            points = boxes = None
            if len(prompt.points_xy):
                points = (torch.from_numpy(frame.to_input(prompt.points_xy))[None], torch.tensor([[1]]))
            if prompt.box_xyxy is not None:
                boxes = torch.from_numpy(frame.to_input(prompt.box_xyxy))[None]
            yield loaded.sam(inputs, points, boxes, multimask=multimask)


def test_prompts_have_the_networks_own_answers_one_by_one_and_many_together(loaded, image):
    predictor = samara.Predictor(loaded)
    embedding, other = predictor.embed([image, image[:, ::-1].copy()], batch_size=2)
    assert embedding.features.shape == (loaded.variant.embedding_channels, 8, 8) == (1024, 8, 8)
    whole = [logits[0] for logits, _ in expected(loaded, image, CLICKS, True)]
    for prompts in (CLICKS[:1], CLICKS[:3], CLICKS):  # the last ones share what they can, see `TorchEngine`
        found = predictor.predict_prompts(embedding, prompts)
        np.testing.assert_allclose(found.low_res_logits, torch.cat(whole[: len(prompts)]), atol=1e-4)
    of_two = predictor.predict_batch([embedding, other], [[BOX], [BOX]], multimask=False)
    for masks, pixels in zip(of_two, (image, image[:, ::-1].copy()), strict=True):
        ((logits, _),) = expected(loaded, pixels, [BOX], False)
        np.testing.assert_allclose(masks.low_res_logits, logits[0], atol=1e-4)


def test_logits_are_clamped_for_the_caller_and_not_for_the_mask(loaded, image, monkeypatch):
    predictor = samara.Predictor(loaded)
    embedding = predictor.embed(image)
    masks = predictor.predict(embedding, points=[40, 30])
    monkeypatch.setattr(Sam2MaskDecoder, "logit_limit", 0.01)
    same = predictor.predict(embedding, points=[40, 30])
    assert same.rles == masks.rles
    assert np.abs(masks.low_res_logits).max() > 0.01
    np.testing.assert_array_equal(same.low_res_logits, masks.low_res_logits.clip(-0.01, 0.01))


def test_a_single_mask_that_is_not_stable_is_the_best_of_three(loaded, image):
    """In the engine's two forms: few prompts, and many that share an image."""
    predictor = samara.Predictor(loaded)
    embedding = predictor.embed(image)
    three = predictor.predict_prompts(embedding, CLICKS)
    for prompts in (CLICKS[:2], CLICKS):
        single = predictor.predict_prompts(embedding, prompts, multimask=False)
        best = three.best()[: len(prompts)]
        wanted = [logits for logits, _ in expected(loaded, image, prompts, False)]
        replaced = [bool(stability(first) < 0.98) for first in first_masks(loaded, image, prompts)]
        assert any(replaced)
        np.testing.assert_allclose(single.low_res_logits, torch.cat(wanted)[:, 0], atol=1e-4)
        for index in np.flatnonzero(replaced):
            assert single.predicted_iou[index] == pytest.approx(best.predicted_iou[index], abs=1e-5)


def first_masks(loaded, image, prompts):
    """The first of the four masks of each prompt."""
    inputs = loaded.network_input(image)
    frame = loaded.frame_of(image.shape[:2])
    network = loaded.sam
    with torch.inference_mode():
        features = network.image_encoder(inputs)
        for prompt in prompts:
            points = (torch.from_numpy(frame.to_input(prompt.points_xy))[None], torch.tensor([[1]]))
            sparse, dense = network.prompt_encoder(points, input_size_hw=(128, 128), grid_hw=(8, 8))
            look = network.mask_decoder.look(features, network.prompt_encoder.get_dense_pe((8, 8)), sparse, dense)
            yield network.mask_decoder.draw(look, slice(0, 1))


def test_an_embedding_from_a_file_or_a_store_is_as_good(loaded, image, tmp_path):
    predictor = StoredPredictor(loaded, EmbeddingStore(tmp_path, 1 << 30))
    embedding = predictor.embed(image)
    again = predictor.embed(image)
    assert again is not embedding
    assert (again.fit, again.frame) == ("squash", embedding.frame)
    one, other = (predictor.predict_prompts(it, CLICKS[:2]) for it in (embedding, again))
    assert one.rles == other.rles


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


def test_fine_tuning_keeps_its_embeddings_and_fits_its_masks(loaded, tmp_path):
    training = TrainingSet(loaded, examples_of([draw(0, tmp_path, size=(64, 128))]))
    cache = training.cache(tmp_path / "cache", Processes())
    assert cache[0].shape == (1024, 8, 8)
    assert training.valid(0).all()  # nothing is padding
    sample = training.sample(0, cache[0])
    assert sample.targets.shape == (2, 32, 32)
    assert validate(loaded.sam, [sample]).objects == 2
