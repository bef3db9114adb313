"""SAM 2.1's image path against the official code (facebookresearch/sam2 @2b90b9f), with the same deterministic weights.

SAM 2.0 has the same image path; its files lack three entries of the memory.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from samara.networks.architectures import HIERA
from samara.networks.finer_maps import pack
from samara.networks.mask_decoder import THREE_MASKS
from samara.networks.sam2 import build_sam2
from samara.networks.sam2_mask_decoder import LOGIT_LIMIT, stability
from samara.networks.variants import VARIANTS
from tests.parity.deterministic import deterministic_state, golden, normal

TOLERANCE = 1e-5  # of a standard deviation; float32 itself makes 2e-6
PROMPTS = golden("prompts")
NAMES = {"t": "tiny", "s": "small", "b+": "base_plus", "l": "large"}
STAGES = ["pos_embed_full", "trunk", "neck", "backbone_fpn", "image_embedding", "dense_pe"]


def expected_of(size):
    return golden(f"sam2.1_hiera_{NAMES[size]}")


def deviation(probe, tensor):
    """Largest difference of a tensor from a golden probe, in standard deviations of it."""
    assert list(tensor.shape) == probe["shape"]
    index = np.random.Generator(np.random.PCG64(11)).integers(0, tensor.numel(), len(probe["value"]))
    differences = [
        tensor.flatten()[torch.from_numpy(index)].double().numpy() - np.array(probe["value"]),
        tensor.double().mean().item() - probe["mean"],
        tensor.double().std().item() - probe["std"],
    ]
    return max(np.abs(one).max() for one in differences) / probe["std"]


@pytest.fixture(
    scope="module", params=["t", *(pytest.param(size, marks=pytest.mark.slow) for size in ("s", "b+", "l"))]
)
def encoded(request):
    """Network, golden values, and what the encoder made on its way, under the golden values' names."""
    with torch.device("meta"):
        network = build_sam2(HIERA[request.param])
    network.load_state_dict(deterministic_state(network), strict=True, assign=True)
    network.eval()
    made = {}
    trunk, neck = network.image_encoder.trunk, network.image_encoder.neck
    handles = [
        trunk.register_forward_hook(lambda module, inputs, outputs: made.update(trunk=outputs)),
        neck.register_forward_hook(lambda module, inputs, outputs: made.update(neck=outputs)),
    ]
    with torch.inference_mode():
        embedding, maps = network.embed(torch.from_numpy(normal(7, (1, 3, 1024, 1024))))
        made |= {
            "pos_embed_full": trunk.positions(256, 256),
            "backbone_fpn": [*maps, made["neck"][2]],
            "image_embedding": embedding,
            "dense_pe": network.sam_prompt_encoder.get_dense_pe(),
        }
    for handle in handles:
        handle.remove()
    return network, expected_of(request.param), made, pack(embedding, maps)


@pytest.mark.parametrize("size", NAMES)
def test_keys_shapes_and_counts_are_the_published_ones(size):
    expected = expected_of(size)
    with torch.device("meta"):
        network = build_sam2(HIERA[size])
    own = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert own.items() <= expected["layout"].items()
    assert sum(one.numel() for one in network.parameters()) == expected["image_path_parameters"]
    assert sum(one.numel() for one in network.image_encoder.parameters()) == expected["encoder_parameters"]


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_of_the_encoder(encoded, stage):
    _, expected, made, _ = encoded
    probes, tensors = expected[stage], made[stage]
    if isinstance(probes, dict):
        probes, tensors = [probes], [tensors]
    assert max(deviation(*pair) for pair in zip(probes, tensors, strict=True)) < TOLERANCE


def embedded(network, prompt):
    points = (torch.tensor(prompt["points"]), torch.tensor(prompt["labels"])) if "points" in prompt else None
    boxes = torch.tensor(prompt["boxes"]) if "boxes" in prompt else None
    masks = torch.from_numpy(4 * normal(5, (1, 1, 256, 256))) if prompt.get("mask") else None
    return network.sam_prompt_encoder(points, boxes, masks)


@pytest.mark.parametrize("prompt", PROMPTS, ids=[prompt["name"] for prompt in PROMPTS])
def test_three_masks_of_every_kind_of_prompt(encoded, prompt):
    network, expected, made, features = encoded
    wanted = expected["decode"][f"{prompt['name']}/multi"]
    decoder = network.sam_mask_decoder
    with torch.inference_mode():
        sparse, dense = embedded(network, prompt)
        look = decoder.look(features, made["dense_pe"], sparse, dense)
        logits, iou = decoder(features, made["dense_pe"], sparse, dense, multimask_output=True)
    assert deviation(wanted["sparse_embeddings"], sparse) < TOLERANCE
    if "dense_embeddings" in wanted:
        assert deviation(wanted["dense_embeddings"], dense) < TOLERANCE
    assert deviation(wanted["sam_tokens"], look.mask_tokens[:, THREE_MASKS]) < TOLERANCE
    assert deviation(wanted["low_res_masks"], logits) < TOLERANCE
    np.testing.assert_allclose(iou.numpy(), wanted["iou"], atol=TOLERANCE)
    np.testing.assert_allclose(look.object_score.numpy(), wanted["object_score_logits"], atol=TOLERANCE)


@pytest.mark.parametrize("by_stability", [False, True], ids=["single", "single_dynamic"])
@pytest.mark.parametrize("prompt", PROMPTS, ids=[prompt["name"] for prompt in PROMPTS])
def test_the_single_mask_of_every_kind_of_prompt(encoded, prompt, by_stability, monkeypatch):
    network, expected, made, features = encoded
    plain = expected["decode"][f"{prompt['name']}/single"]
    wanted = expected["decode"][f"{prompt['name']}/single_dynamic"] if by_stability else plain
    monkeypatch.setattr(network.sam_mask_decoder, "by_stability", by_stability)
    with torch.inference_mode():
        sparse, dense = embedded(network, prompt)
        logits, iou = network.sam_mask_decoder(features, made["dense_pe"], sparse, dense, multimask_output=False)
    assert deviation(wanted["low_res_masks"], logits) < TOLERANCE
    np.testing.assert_allclose(iou.numpy(), wanted["iou"], atol=TOLERANCE)
    if not by_stability:
        # Float32 may put a pixel or two on the other side of ±0.05, of some 20,000.
        np.testing.assert_allclose(stability(logits).numpy(), plain["stability_delta_0.05"], atol=2e-4)


def squashed(image, preprocessing):
    """An image (H, W, 3) as network input, (1, 3, S, S)."""
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    side = preprocessing.input_size
    pixels = F.interpolate(pixels, size=(side, side), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in (preprocessing.mean, preprocessing.std))
    return (pixels - mean) / std


@pytest.mark.slow
def test_from_image_to_mask_as_the_official_predictor(encoded):
    """Squashed, not padded; each axis of a prompt scaled by itself; given logits clamped, the mask's are not."""
    network, expected, _, _ = encoded
    if "predictor_640x480" not in expected:
        pytest.skip("the values are those of tiny")
    wanted = expected["predictor_640x480"]
    image = np.random.Generator(np.random.PCG64(3)).integers(0, 256, (480, 640, 3), np.uint8)
    scale = torch.tensor([1024 / 640, 1024 / 480])
    points = (torch.tensor([wanted["prompt"]["points"]]) * scale, torch.tensor([wanted["prompt"]["labels"]]))
    boxes = torch.tensor([wanted["prompt"]["box"]]) * scale.repeat(2)
    with torch.inference_mode():
        images = squashed(image, VARIANTS["sam2.1_hiera_t"].preprocessing)
        features = network.features(images)
        logits, iou = network.predict(features, points, boxes)
        full_size = F.interpolate(logits, size=(480, 640), mode="bilinear")
    assert deviation(wanted["preprocessed"], images) < TOLERANCE
    assert deviation(wanted["image_embedding"], features[:, :256]) < TOLERANCE
    assert deviation(wanted["multi"]["logits"], full_size[0]) < TOLERANCE
    np.testing.assert_allclose(iou[0].numpy(), wanted["multi"]["iou"], atol=TOLERANCE)
    given = logits.clamp(-LOGIT_LIMIT, LOGIT_LIMIT)[0]
    assert deviation(wanted["multi"]["low_res_masks_clamped"], given) < TOLERANCE
