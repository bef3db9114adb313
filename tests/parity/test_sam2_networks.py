"""SAM 2.1's image path against the official code (facebookresearch/sam2 @2b90b9f), with the same deterministic weights.

SAM 2.0 has the same image path; its files lack three entries of the memory.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import samara
from samara.checkpoints.reading.sam2_names import from_published, image_path
from samara.engines.loaded import Loaded, Provenance
from samara.networks.build import build_sam
from samara.networks.finer_maps import unpack
from samara.networks.mask_decoder import THREE_MASKS
from samara.networks.sam2_mask_decoder import stability
from samara.networks.variants import VARIANTS
from samara.sam2 import SAM2ImagePredictor
from samara.sam2.modeling.sam2_base import SAM2Base
from samara.segmentation.predictor import full_size
from tests.parity.deterministic import deterministic_value, deviation, golden, normal

TOLERANCE = 1e-5  # of a standard deviation; float32 itself makes 2e-6
PROMPTS = golden("prompts")
NAMES = {"t": "tiny", "s": "small", "b+": "base_plus", "l": "large"}
STAGES = ["pos_embed_full", "trunk", "neck", "backbone_fpn", "image_embedding", "dense_pe"]


def expected_of(size):
    return golden(f"sam2.1_hiera_{NAMES[size]}")


@pytest.fixture(
    scope="module", params=["t", *(pytest.param(size, marks=pytest.mark.slow) for size in ("s", "b+", "l"))]
)
def encoded(request):
    """Network, golden values, and what the encoder made on its way, under the golden values' names."""
    with torch.device("meta"):
        network = build_sam(VARIANTS[f"sam2.1_hiera_{request.param}"])
    layout = image_path(expected_of(request.param)["layout"]).entries
    state = {
        key: torch.from_numpy(np.asarray(deterministic_value(key, shape), dtype=np.float32))
        for key, shape in layout.items()
    }
    network.load_state_dict(from_published(state), strict=True, assign=True)
    network.eval()
    made = {}
    encoder = network.image_encoder
    trunk, neck = encoder.trunk, encoder.neck
    handles = [
        trunk.register_forward_hook(lambda module, inputs, outputs: made.update(trunk=outputs)),
        neck.register_forward_hook(lambda module, inputs, outputs: made.update(neck=outputs)),
    ]
    with torch.inference_mode():
        features = encoder(torch.from_numpy(normal(7, (1, 3, 1024, 1024))))
        embedding, maps = unpack(features, network.mask_decoder.finer_maps)
        made |= {
            "pos_embed_full": trunk.positions(256, 256),
            "backbone_fpn": [*maps, made["neck"][2]],
            "image_embedding": embedding,
            "dense_pe": network.prompt_encoder.get_dense_pe(),
        }
    for handle in handles:
        handle.remove()
    return network, expected_of(request.param), made, features


@pytest.mark.parametrize("size", NAMES)
def test_keys_shapes_and_counts_are_the_published_ones(size):
    expected = expected_of(size)
    with torch.device("meta"):
        network = build_sam(VARIANTS[f"sam2.1_hiera_{size}"])
    own = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert own == from_published(image_path(expected["layout"]).entries)
    assert sum(one.numel() for one in network.parameters()) == expected["image_path_parameters"]
    encoder = network.image_encoder
    parameters = sum(one.numel() for part in (encoder.trunk, encoder.neck) for one in part.parameters())
    assert parameters == expected["encoder_parameters"]


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
    return network.prompt_encoder(points, boxes, masks)


@pytest.mark.parametrize("prompt", PROMPTS, ids=[prompt["name"] for prompt in PROMPTS])
def test_three_masks_of_every_kind_of_prompt(encoded, prompt):
    network, expected, made, features = encoded
    wanted = expected["decode"][f"{prompt['name']}/multi"]
    decoder = network.mask_decoder
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
    monkeypatch.setattr(network.mask_decoder, "by_stability", by_stability)
    with torch.inference_mode():
        sparse, dense = embedded(network, prompt)
        logits, iou = network.mask_decoder(features, made["dense_pe"], sparse, dense, multimask_output=False)
    assert deviation(wanted["low_res_masks"], logits) < TOLERANCE
    np.testing.assert_allclose(iou.numpy(), wanted["iou"], atol=TOLERANCE)
    if not by_stability:
        # Float32 may put a pixel or two on the other side of ±0.05, of some 20,000.
        np.testing.assert_allclose(stability(logits).numpy(), plain["stability_delta_0.05"], atol=2e-4)


@pytest.fixture(scope="module")
def loaded(encoded):
    network, expected, _, _ = encoded
    if "predictor_640x480" not in expected:
        pytest.skip("the values are those of one size")
    return Loaded(
        network=network,
        variant=VARIANTS["sam2.1_hiera_t"],
        provenance=Provenance("golden", None, None, "random"),
        input_size=1024,
        pred_iou_thresh=0.8,
        stability_score_thresh=0.95,
        device="cpu",
        precision="float32",
    )


def test_from_image_to_mask_as_the_official_predictor(encoded, loaded):
    """Squashed, not padded; each axis of a prompt scaled by itself; given logits clamped, the mask's are not."""
    wanted = encoded[1]["predictor_640x480"]
    image = np.random.Generator(np.random.PCG64(3)).integers(0, 256, (480, 640, 3), np.uint8)
    assert deviation(wanted["preprocessed"], loaded.network_input(image)) < TOLERANCE
    predictor = samara.Predictor(loaded)
    embedding = predictor.embed(image)
    assert deviation(wanted["image_embedding"], embedding.features[None, :256]) < TOLERANCE
    prompt = wanted["prompt"]
    masks = predictor.predict(embedding, prompt["points"], prompt["labels"], prompt["box"])
    assert deviation(wanted["multi"]["low_res_masks_clamped"], torch.from_numpy(masks.low_res_logits)) < TOLERANCE
    np.testing.assert_allclose(masks.predicted_iou, wanted["multi"]["iou"], atol=TOLERANCE)
    logits = torch.cat(list(full_size(torch.from_numpy(masks.low_res_logits), embedding.frame)))
    assert deviation(wanted["multi"]["logits"], logits) < TOLERANCE


@pytest.mark.slow
def test_the_drop_in_as_the_official_predictor(encoded, loaded):
    wanted = encoded[1]["predictor_640x480"]
    predictor = SAM2ImagePredictor(SAM2Base(loaded))
    predictor.set_image(np.random.Generator(np.random.PCG64(3)).integers(0, 256, (480, 640, 3), np.uint8))
    assert deviation(wanted["image_embedding"], predictor.get_image_embedding()) < TOLERANCE
    prompt = wanted["prompt"]
    answers = predictor.predict(prompt["points"], prompt["labels"], prompt["box"], return_logits=True)
    logits, iou, low_res = (torch.from_numpy(one) for one in answers)
    assert deviation(wanted["multi"]["logits"], logits) < TOLERANCE
    assert deviation(wanted["multi"]["low_res_masks_clamped"], low_res) < TOLERANCE
    np.testing.assert_allclose(iou, wanted["multi"]["iou"], atol=TOLERANCE)
