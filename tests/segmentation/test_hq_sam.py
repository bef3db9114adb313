"""HQ-SAM as a user meets it: a file in the published layout, prompts, everything in an image, the HQ mask alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import samara
from samara.checkpoints.load import random_network
from samara.errors import EmbeddingError, SettingsError
from samara.masks.overlap import mask_iou
from samara.networks.variants import VARIANTS
from samara.segmentation.prompts import Prompt


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Light HQ-SAM with random weights, as its publishers save it: a flat state dict."""
    path = tmp_path_factory.mktemp("hq") / "mine.pth"
    torch.save(random_network(VARIANTS["hq_vit_t"], None, seed=3).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def hq(file):
    return samara.load(file, device="cpu", precision="float32", input_size=256)


@pytest.fixture(scope="module")
def hq_only(hq):
    """The same network, the HQ mask alone."""
    return dataclasses.replace(hq, hq_token_only=True)


@pytest.fixture(scope="module")
def predictor(hq):
    return samara.Predictor(hq)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(5)
    return [rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((40, 60, 3), (64, 32, 3))]


@pytest.fixture(scope="module")
def embeddings(predictor, images):
    return predictor.embed(images)


def same(a, b):
    np.testing.assert_allclose(a.low_res_logits, b.low_res_logits, atol=1e-3)
    np.testing.assert_allclose(a.predicted_iou, b.predicted_iou, atol=1e-4)


def test_the_file_is_known_by_its_content_and_loaded_strictly(hq, file):
    assert hq.variant.name == "hq_vit_t"
    assert samara.identify(file).variant == "hq_vit_t"
    saved = torch.load(file, weights_only=True)
    found = hq.network.state_dict()
    assert found.keys() == saved.keys()
    assert all(found[name].equal(value) for name, value in saved.items())


@pytest.mark.parametrize("name", ["sam_hq_vit_b", "sam_hq_vit_tiny"])
def test_the_catalogue_builds_them(name, images):
    loaded = samara.load(name, weights="random", device="cpu", precision="float32", input_size=64)
    predictor = samara.Predictor(loaded)
    embedding = predictor.embed(images[0])
    assert embedding.features.shape == (loaded.variant.embedding_channels, 4, 4)
    assert len(predictor.predict(embedding, boxes=[5, 5, 30, 30])) == 1


@pytest.mark.parametrize("multimask", [True, False])
def test_one_mask_per_prompt_and_it_is_the_networks(predictor, hq, embeddings, multimask):
    points = np.array([[[10.0, 12.0]], [[50.0, 30.0]]])
    masks = predictor.predict(embeddings[0], points=points, labels=[[1], [0]], multimask=multimask)
    assert masks.masks().shape == (2, 40, 60)
    assert masks.prompt_index.tolist() == [0, 1]
    coordinates = torch.from_numpy(embeddings[0].frame.to_input(points)).float()
    encoder = hq.network.prompt_encoder
    with torch.no_grad():
        sparse, dense = encoder((coordinates, torch.tensor([[1], [0]])))
        logits, iou = hq.network.mask_decoder(
            embeddings[0].features[None], encoder.get_dense_pe(), sparse, dense, multimask
        )
    np.testing.assert_allclose(masks.low_res_logits, logits[:, 0].numpy(), atol=1e-3)
    np.testing.assert_allclose(masks.predicted_iou, iou[:, 0].numpy(), atol=1e-4)


PROMPTS = [
    Prompt([10, 12]),
    Prompt(box=[2, 3, 25, 30]),
    Prompt([12, 12], [0], box=[2, 3, 25, 30]),
    Prompt([5, 5], mask_logits=np.linspace(-4, 4, 64 * 64).reshape(64, 64)),
    Prompt([20, 20]),
]


@pytest.mark.parametrize("only", [False, True])
def test_any_mixture_gives_what_each_gives_alone(hq, embeddings, only):
    predictor = samara.Predictor(dataclasses.replace(hq, hq_token_only=only))
    first, second = predictor.predict_batch(embeddings, [PROMPTS, PROMPTS[:2]])
    assert (len(first), len(second)) == (5, 2)
    for embedding, together in zip(embeddings, (first, second), strict=True):
        for index, prompt in enumerate(PROMPTS[: len(together)]):
            same(together[together.prompt_index == index], predictor.predict_prompts(embedding, [prompt]))


def test_more_prompts_than_fit_in_a_pass(monkeypatch, predictor, embeddings):
    prompts = [Prompt([x, 20]) for x in range(0, 30, 3)]
    together = predictor.predict_prompts(embeddings[0], prompts)
    monkeypatch.setitem(samara.engines.torch_engine.PROMPTS_AT_A_TIME, "cpu", 3)
    same(together, predictor.predict_prompts(embeddings[0], prompts))


def test_the_hq_mask_alone(predictor, hq_only, embeddings):
    both = predictor.predict(embeddings[0], points=[10, 12])
    alone = samara.Predictor(hq_only).predict(embeddings[0], points=[10, 12])  # embeddings serve both
    np.testing.assert_allclose(alone.predicted_iou, both.predicted_iou, atol=1e-5)
    assert np.abs(alone.low_res_logits - both.low_res_logits).max() > 1e-3
    single = samara.Predictor(hq_only).predict(embeddings[0], points=[10, 12], multimask=False)
    np.testing.assert_allclose(single.low_res_logits, alone.low_res_logits, atol=1e-4)


def test_the_hq_mask_alone_by_loading(file, hq_only, embeddings):
    loaded = samara.load(file, device="cpu", precision="float32", input_size=256, hq_token_only=True)
    same(*(samara.Predictor(each).predict(embeddings[1], boxes=[1, 1, 20, 30]) for each in (loaded, hq_only)))


def test_no_other_network_has_an_hq_token():
    with pytest.raises(SettingsError, match="hq_token_only applies only to HQ-SAM; .* has no HQ token"):
        samara.load("samara_mini", device="cpu", hq_token_only=True)


def test_an_embedding_keeps_its_early_features_on_disk(predictor, embeddings, tmp_path):
    path = tmp_path / "image.safetensors"
    embeddings[0].save(path)
    loaded = samara.ImageEmbedding.load(path)
    assert loaded.features.shape == (256 + 160, 16, 16)
    assert loaded.features.equal(embeddings[0].features)
    same(predictor.predict(loaded, points=[5, 5]), predictor.predict(embeddings[0], points=[5, 5]))


def test_embeddings_of_sam_are_refused_even_from_the_same_encoder(hq, predictor, embeddings, images):
    sam = samara.load("mobile_sam", weights="random", device="cpu", precision="float32", input_size=256)
    sam.network.image_encoder.load_state_dict(hq.network.image_encoder.state_dict())
    of_sam = samara.Predictor(sam)
    with pytest.raises(EmbeddingError, match="embed the image again"):
        predictor.predict(of_sam.embed(images[0]), points=[1, 1])
    with pytest.raises(EmbeddingError, match="embed the image again"):
        of_sam.predict(embeddings[0], points=[1, 1])


@pytest.mark.parametrize("only", [False, True])
def test_everything_in_an_image(hq, predictor, images, only):
    loaded = dataclasses.replace(hq, hq_token_only=only)
    asked = {"points_per_side": 5, "stability_score_thresh": 0.0, "box_nms_thresh": 1.0}
    everything = samara.AutomaticMaskGenerator(loaded, samara.AutomaticSettings(**asked, pred_iou_thresh=-9.0))
    found = everything.generate(images[0])
    embedding = predictor.embed(images[0])
    assert found.rles == everything.generate(embedding).rles
    assert 0 < len(found) <= 25  # one mask per point, without the empty ones
    for index in range(len(found)):
        alone = samara.Predictor(loaded).predict(embedding, points=found.points_xy[index])
        assert mask_iou(found.rles[index : index + 1], alone.rles)[0, 0] > 0.99
    threshold = float(np.median(found.predicted_iou))
    fewer = samara.AutomaticMaskGenerator(loaded, samara.AutomaticSettings(**asked, pred_iou_thresh=threshold))
    assert len(fewer.generate(embedding)) == (found.predicted_iou > threshold).sum()


def test_bfloat16_agrees_with_float32(file, images):
    half, single = (
        samara.Predictor(samara.load(file, device="cpu", precision=precision, input_size=64))
        for precision in ("bfloat16", "float32")
    )
    found, reference = (each.predict(each.embed(images[0]), boxes=[5, 5, 40, 30]) for each in (half, single))
    assert half.embed(images[0]).features.dtype == torch.float32
    difference = np.abs(found.low_res_logits - reference.low_res_logits)
    assert difference.mean() < 0.1 * reference.low_res_logits.std() + 1e-3
