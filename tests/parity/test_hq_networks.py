"""HQ-SAM against the official code, under the same deterministic weights.

The golden values of B and Light come from the official repository; those of L and H from its package
(segment-anything-hq 0.3) by the same recipe, which reproduces those of B to a relative 1.5e-6.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from samara.networks.build import build_network
from samara.networks.early_features import split_early
from samara.networks.mask_decoder import SINGLE_MASK, THREE_MASKS
from samara.networks.variants import VARIANTS
from tests.parity.deterministic import deterministic_state, golden, normal, relative_error

TOLERANCE = 1e-4
PROMPTS = golden("prompts")


@pytest.fixture(
    scope="module",
    params=[
        "hq_vit_t",
        pytest.param("hq_vit_b", marks=pytest.mark.slow),
        pytest.param("hq_vit_l", marks=pytest.mark.slow),
        pytest.param("hq_vit_h", marks=pytest.mark.slow),
    ],
)
def encoded(request):
    """Variant, network, golden values and image embedding with early features."""
    variant = VARIANTS[request.param]
    with torch.device("meta"):
        network = build_network(variant)
    network.load_state_dict(deterministic_state(network), strict=True, assign=True)
    network.eval()
    with torch.inference_mode():
        features = network.image_encoder(torch.from_numpy(normal(7, (1, 3, 1024, 1024))))
    return variant, network, golden(request.param), features


@pytest.mark.parametrize("name", ["hq_vit_t", "hq_vit_b", "hq_vit_l", "hq_vit_h"])
def test_keys_shapes_and_counts_are_the_published_ones(name):
    expected = golden(name)
    with torch.device("meta"):
        network = build_network(VARIANTS[name])
    assert {key: list(value.shape) for key, value in network.state_dict().items()} == expected["layout"]
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert parameters == expected["parameters"] == VARIANTS[name].parameters
    assert len(expected["layout"]) == VARIANTS[name].keys
    assert sum(p.numel() for p in network.image_encoder.parameters()) == expected["encoder_parameters"]


def test_image_embedding_and_early_features(encoded):
    variant, _, expected, features = encoded
    assert features.shape[1] == variant.embedding_channels
    embedding, early = split_early(features, variant.early_channels)
    assert relative_error(expected["image_embedding"], embedding) < TOLERANCE
    (intermediate,) = expected["intermediate"]
    assert relative_error(intermediate, early.permute(0, 2, 3, 1)) < TOLERANCE  # the official one is (B, h, w, V)
    for probe, ours in ((expected["image_embedding"], embedding), (intermediate, early)):
        assert ours.mean().item() == pytest.approx(probe["mean"], abs=1e-5)
        assert ours.std().item() == pytest.approx(probe["std"], rel=1e-4)


@pytest.mark.parametrize("prompt", PROMPTS, ids=[prompt["name"] for prompt in PROMPTS])
def test_every_kind_of_prompt(encoded, prompt):
    _, network, expected, features = encoded
    points = (torch.tensor(prompt["points"]), torch.tensor(prompt["labels"])) if "points" in prompt else None
    boxes = torch.tensor(prompt["boxes"]) if "boxes" in prompt else None
    masks = torch.from_numpy(4 * normal(5, (1, 1, 256, 256))) if prompt.get("mask") else None
    with torch.inference_mode():
        sparse, dense = network.prompt_encoder(points, boxes, masks)
        look = network.mask_decoder.look(features, network.prompt_encoder.get_dense_pe(), sparse, dense)
        hq_only = network.mask_decoder.draw_hq(look)
        for name, masks in {"multi": THREE_MASKS, "single": SINGLE_MASK}.items():
            plus_sam = network.mask_decoder.draw(look, masks)
            for which, logits in {"hq_plus_sam": plus_sam, "hq_only": hq_only}.items():
                wanted = expected["decode"][f"{prompt['name']}/{name}/{which}"]
                assert relative_error(wanted["low_res_masks"], logits) < TOLERANCE
                np.testing.assert_allclose(look.predicted_iou[:, masks].numpy(), wanted["iou"], atol=TOLERANCE)
