"""EfficientSAM against the official code (yformer/EfficientSAM @d525f62), with the same deterministic weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import samara
from samara.engines.loaded import Loaded, Provenance
from samara.networks.build import build_sam
from samara.networks.mask_decoder import SINGLE_MASK, THREE_MASKS
from samara.networks.variants import VARIANTS
from samara.segmentation.predictor import full_size
from tests.parity.deterministic import deterministic_state, deviation, golden, normal

TOLERANCE = 2e-5  # of a standard deviation; float32 itself makes 2e-6
GOLDEN = {"ti": "efficient_sam_vitt", "s": "efficient_sam_vits"}
PROMPTS = golden("efficient_sam_vitt")["prompts"]


def built(size):
    with torch.device("meta"):
        return build_sam(VARIANTS[f"efficient_sam_{size}"])


@pytest.fixture(scope="module", params=["ti", pytest.param("s", marks=pytest.mark.slow)])
def encoded(request):
    """Network, golden values, what the encoder made on its way, and the embedding."""
    network = built(request.param)
    network.load_state_dict(deterministic_state(network), strict=True, assign=True)
    network.eval()
    expected, made = golden(GOLDEN[request.param]), {}
    for index in (0, 11):
        network.image_encoder.blocks[index].register_forward_hook(
            lambda module, inputs, output, name=f"block_{index}": made.update({name: output})
        )
    with torch.inference_mode():
        embedding = network.image_encoder(torch.from_numpy(normal(7, (1, 3, 1024, 1024))))
    for block in network.image_encoder.blocks:
        block._forward_hooks.clear()
    return network, expected, made, embedding


@pytest.mark.parametrize("size", GOLDEN)
def test_keys_shapes_and_counts_are_the_published_ones(size):
    expected, network = golden(GOLDEN[size]), built(size)
    own = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert own == {key: one["shape"] for key, one in expected["layout"].items()}
    assert sum(one.numel() for one in network.parameters()) == expected["parameters"]
    assert sum(one.numel() for one in network.image_encoder.parameters()) == expected["encoder_parameters"]


def test_the_positions(encoded):
    network, expected, _, _ = encoded
    with torch.inference_mode():
        assert deviation(expected["pos_embed_full"], network.image_encoder.positions(64, 64)) < TOLERANCE
        assert deviation(expected["dense_pe"], network.prompt_encoder.get_dense_pe()) < TOLERANCE


@pytest.mark.parametrize("block", ["block_0", "block_11"])
def test_the_first_and_the_last_block(encoded, block):
    _, expected, made, _ = encoded
    assert deviation(expected[block], made[block]) < TOLERANCE


def test_the_image_embedding(encoded):
    _, expected, _, embedding = encoded
    assert deviation(expected["image_embedding"], embedding) < TOLERANCE


@pytest.mark.parametrize("multimask", [True, False], ids=["multi", "single"])
@pytest.mark.parametrize("prompt", PROMPTS, ids=[prompt["name"] for prompt in PROMPTS])
def test_every_kind_of_prompt(encoded, prompt, multimask):
    """Those, too, that the predictor refuses: the seventh point is cut, a background point is a bare position."""
    network, expected, _, embedding = encoded
    wanted = expected["decode"][f"{prompt['name']}/{'multi' if multimask else 'single'}"]
    with torch.inference_mode():
        sparse, dense = network.prompt_encoder((torch.tensor(prompt["points"]), torch.tensor(prompt["labels"])))
        positions = network.prompt_encoder.get_dense_pe()
        look = network.mask_decoder.look(embedding, positions, sparse, dense)
        masks = THREE_MASKS if multimask else SINGLE_MASK  # the published code never asks for the latter
        logits, iou = network.mask_decoder.draw(look, masks), look.predicted_iou[:, masks]
    if "sparse_embeddings" in wanted:
        assert deviation(wanted["sparse_embeddings"], sparse) < TOLERANCE
    assert deviation(wanted["low_res_masks"], logits) < TOLERANCE
    np.testing.assert_allclose(iou.numpy(), wanted["iou"], atol=TOLERANCE)


def test_a_box_is_its_corners(encoded):
    network, expected, _, embedding = encoded
    with torch.inference_mode():
        sparse, dense = network.prompt_encoder(boxes=torch.tensor([[75.0, 275.0, 890.0, 840.0]]))
        logits, _ = network.mask_decoder(embedding, network.prompt_encoder.get_dense_pe(), sparse, dense, True)
    assert deviation(expected["decode"]["box/multi"]["low_res_masks"], logits) < TOLERANCE


@pytest.fixture(scope="module")
def loaded(encoded):
    network, expected, _, _ = encoded
    size = "ti" if expected["parameters"] == VARIANTS["efficient_sam_ti"].parameters else "s"
    return Loaded(
        network=network,
        variant=VARIANTS[f"efficient_sam_{size}"],
        provenance=Provenance("golden", None, None, "random"),
        input_size=1024,
        pred_iou_thresh=0.7,
        stability_score_thresh=0.9,
        device="cpu",
        precision="float32",
    )


def drawn(seed, height, width):
    return np.random.Generator(np.random.PCG64(seed)).integers(0, 256, (height, width, 3), np.uint8)


def test_an_image_becomes_the_same_input(encoded, loaded):
    """Squashed to 1024 pixels without antialiasing."""
    wanted = encoded[1]["preprocess_2000x1500"]["preprocessed"]
    assert deviation(wanted, loaded.network_input(drawn(4, 1500, 2000))) < TOLERANCE
    enlarged = encoded[1]["predictor_640x480"]["preprocessed"]
    assert deviation(enlarged, loaded.network_input(drawn(3, 480, 640))) < TOLERANCE


def test_from_image_to_mask_as_the_official_predictor(encoded, loaded):
    wanted = encoded[1]["predictor_640x480"]
    predictor = samara.Predictor(loaded)
    embedding = predictor.embed(drawn(3, 480, 640))
    masks = predictor.predict(embedding, np.array(wanted["points"]), np.array(wanted["labels"]))
    np.testing.assert_allclose(masks.predicted_iou.reshape(2, 3), wanted["iou"], atol=TOLERANCE)
    logits = torch.cat(list(full_size(torch.from_numpy(masks.low_res_logits), embedding.frame)))
    assert deviation(wanted["logits"], logits.view(2, 3, 480, 640)) < TOLERANCE
    found = np.stack([one.decode() for one in masks.rles])
    assert (found == (logits > 0).numpy())[logits.abs() > 1e-5].all()  # in windows, sums have another order
