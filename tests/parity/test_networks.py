"""The networks against the official code, under the same deterministic weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from samara.networks.build import build_network
from samara.networks.variants import VARIANTS
from tests.parity.deterministic import deterministic_state, golden, normal, relative_error

TOLERANCE = 1e-4
PROMPTS = golden("prompts")


@pytest.fixture(
    scope="module",
    params=[
        "vit_t",
        pytest.param("vit_b", marks=pytest.mark.slow),  # a tiny one in segment_anything/test_numbers.py
        pytest.param("vit_l", marks=pytest.mark.slow),
        pytest.param("vit_h", marks=pytest.mark.slow),
    ],
)
def encoded(request):
    """Network, golden values and image embedding of one variant."""
    with torch.device("meta"):
        network = build_network(VARIANTS[request.param])
    network.load_state_dict(deterministic_state(network), strict=True, assign=True)
    network.eval()
    with torch.inference_mode():
        embedding = network.image_encoder(torch.from_numpy(normal(7, (1, 3, 1024, 1024))))
    return network, golden(request.param), embedding


@pytest.mark.parametrize("name", ["vit_t", "vit_b", "vit_l", "vit_h"])
def test_keys_shapes_and_counts_are_the_published_ones(name):
    expected = golden(name)
    with torch.device("meta"):
        network = build_network(VARIANTS[name])
    assert {key: list(value.shape) for key, value in network.state_dict().items()} == expected["layout"]
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert parameters == expected["parameters"] == VARIANTS[name].parameters
    assert len(expected["layout"]) == VARIANTS[name].keys
    assert sum(p.numel() for p in network.image_encoder.parameters()) == expected["encoder_parameters"]


def test_image_embedding(encoded):
    _, expected, embedding = encoded
    assert relative_error(expected["image_embedding"], embedding) < TOLERANCE
    assert embedding.mean().item() == pytest.approx(expected["image_embedding"]["mean"], abs=1e-5)
    assert embedding.std().item() == pytest.approx(expected["image_embedding"]["std"], rel=1e-4)


@pytest.mark.parametrize("multimask", [True, False], ids=["three masks", "one mask"])
@pytest.mark.parametrize("prompt", PROMPTS, ids=[prompt["name"] for prompt in PROMPTS])
def test_every_kind_of_prompt(encoded, prompt, multimask):
    network, expected, embedding = encoded
    points = (torch.tensor(prompt["points"]), torch.tensor(prompt["labels"])) if "points" in prompt else None
    boxes = torch.tensor(prompt["boxes"]) if "boxes" in prompt else None
    masks = torch.from_numpy(4 * normal(5, (1, 1, 256, 256))) if prompt.get("mask") else None
    with torch.inference_mode():
        sparse, dense = network.prompt_encoder(points, boxes, masks)
        logits, iou = network.mask_decoder(embedding, network.prompt_encoder.get_dense_pe(), sparse, dense, multimask)
    wanted = expected["decode"][f"{prompt['name']}/{'multi' if multimask else 'single'}"]
    assert relative_error(wanted["low_res_masks"], logits) < TOLERANCE
    np.testing.assert_allclose(iou.numpy(), wanted["iou"], atol=TOLERANCE)
