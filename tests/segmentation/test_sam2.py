"""SAM 2: clamped logits, single masks by stability, embeddings with finer maps; what it shares: test_families.py.

Values: tests/parity/test_sam2_networks.py.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import samara
from samara.finetuning.examples import examples_of
from samara.finetuning.processes import Processes
from samara.finetuning.training_set import TrainingSet
from samara.finetuning.validation import validate
from samara.networks.sam2_mask_decoder import Sam2MaskDecoder, stability
from tests.engines.conftest import small
from tests.finetuning.conftest import draw
from tests.segmentation.test_families import CLICKS, expected, noise


@pytest.fixture(scope="module")
def loaded():
    return small("sam2.1_hiera_t", 128)


@pytest.fixture(scope="module")
def image():
    return noise()


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
        wanted = [logits for logits, _ in expected(loaded, image, prompts, False, (128, 128))]
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


def test_fine_tuning_keeps_its_embeddings_and_fits_its_masks(loaded, tmp_path):
    training = TrainingSet(loaded, examples_of([draw(0, tmp_path, size=(64, 128))]))
    cache = training.cache(tmp_path / "cache", Processes())
    assert cache[0].shape == (1024, 8, 8)
    assert training.valid(0).all()  # nothing is padding
    sample = training.sample(0, cache[0])
    assert sample.targets.shape == (2, 32, 32)
    assert validate(loaded.sam, [sample]).objects == 2
