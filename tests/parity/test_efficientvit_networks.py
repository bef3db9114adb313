"""EfficientViT-SAM against the official code (mit-han-lab/efficientvit @de7d773), with the same deterministic weights.

Values: of l0 everything, of xl0 the image encoder; the others differ in numbers of blocks alone, and their tables of
names are compared.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import samara
from samara.engines.loaded import Loaded, Provenance
from samara.networks.build import build_sam
from samara.networks.variants import VARIANTS
from samara.segmentation.predictor import full_size
from tests.parity.deterministic import deterministic_state, deviation, golden, normal

TOLERANCE = 1e-5  # of a standard deviation; float32 itself makes 2e-6
PROMPTS = golden("prompts")
SIZES = ["l0", "l1", "l2", "xl0", "xl1"]
STAGES = [*(f"stage{stage}" for stage in range(6)), *(f"neck.input.{place}" for place in range(3))]
STAGES += ["neck.middle", "neck.output"]


def expected_of(size):
    return golden(f"efficientvit_sam_{size}")


def built(size):
    with torch.device("meta"):
        return build_sam(VARIANTS[f"efficientvit_sam_{size}"])


def watched(encoder):
    """Modules by the names of their golden values."""
    neck = encoder.neck
    return {
        **{f"stage{number}": stage for number, stage in enumerate(encoder.backbone.stages)},
        **{f"neck.input.{number}": one for number, one in enumerate(neck.input_ops)},
        "neck.middle": neck.middle,
        "neck.output": neck.output_ops[0],
    }


@pytest.fixture(scope="module", params=["l0", pytest.param("xl0", marks=pytest.mark.slow)])
def encoded(request):
    """Network, golden values, what the encoder made on its way, and the embedding."""
    network = built(request.param)
    network.load_state_dict(deterministic_state(network), strict=True, assign=True)
    network.eval()
    expected, made = expected_of(request.param), {}
    handles = [
        module.register_forward_hook(lambda module, inputs, output, name=name: made.update({name: output}))
        for name, module in watched(network.image_encoder).items()
    ]
    side = expected["encoder_image_size"]
    images = torch.from_numpy(np.ascontiguousarray(normal(7, (1, 3, 1024, 1024))[..., :side, :side]))
    with torch.inference_mode():
        embedding = network.image_encoder(images)
    for handle in handles:
        handle.remove()
    return network, expected, made, embedding


@pytest.mark.parametrize("size", SIZES)
def test_keys_shapes_and_counts_are_the_published_ones(size):
    expected, network = expected_of(size), built(size)
    own = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert own == expected["layout"]
    assert sum(one.numel() for one in network.parameters()) == expected["parameters"]
    assert sum(one.numel() for one in network.image_encoder.parameters()) == expected["encoder_parameters"]
    assert VARIANTS[f"efficientvit_sam_{size}"].preprocessing.input_size == expected["encoder_image_size"]


def resized(name, tensor):
    """The golden values of the neck's inputs are behind its interpolation."""
    if name.startswith("neck.input") and tensor.shape[-1] != 64:
        return torch.nn.functional.interpolate(tensor, size=(64, 64), mode="bicubic", align_corners=False)
    return tensor


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_of_the_encoder(encoded, stage):
    _, expected, made, _ = encoded
    if stage == "stage5" and stage not in expected["features"]:
        pytest.skip("the smaller ones have five stages")
    assert deviation(expected["features"][stage], resized(stage, made[stage])) < TOLERANCE


def test_the_image_embedding(encoded):
    _, expected, _, embedding = encoded
    assert deviation(expected["image_embedding"], embedding) < TOLERANCE


def embedded(network, prompt):
    points = (torch.tensor(prompt["points"]), torch.tensor(prompt["labels"])) if "points" in prompt else None
    boxes = torch.tensor(prompt["boxes"]) if "boxes" in prompt else None
    masks = torch.from_numpy(4 * normal(5, (1, 1, 256, 256))) if prompt.get("mask") else None
    return network.prompt_encoder(points, boxes, masks)


@pytest.mark.parametrize("multimask", [True, False], ids=["multi", "single"])
@pytest.mark.parametrize("prompt", PROMPTS, ids=[prompt["name"] for prompt in PROMPTS])
def test_every_kind_of_prompt(encoded, prompt, multimask):
    network, expected, _, embedding = encoded
    if "decode" not in expected:
        pytest.skip("the values of prompts are those of one size")
    wanted = expected["decode"][f"{prompt['name']}/{'multi' if multimask else 'single'}"]
    with torch.inference_mode():
        sparse, dense = embedded(network, prompt)
        positions = network.prompt_encoder.get_dense_pe()
        logits, iou = network.mask_decoder(embedding, positions, sparse, dense, multimask_output=multimask)
    assert deviation(wanted["low_res_masks"], logits) < TOLERANCE
    np.testing.assert_allclose(iou.numpy(), wanted["iou"], atol=TOLERANCE)


@pytest.fixture(scope="module")
def loaded(encoded):
    network, expected, _, _ = encoded
    size = expected["encoder_image_size"]
    return Loaded(
        network=network,
        variant=VARIANTS["efficientvit_sam_l0" if size == 512 else "efficientvit_sam_xl0"],
        provenance=Provenance("golden", None, None, "random"),
        input_size=size,
        pred_iou_thresh=0.88,
        stability_score_thresh=0.95,
        device="cpu",
        precision="float32",
    )


def drawn(seed, height, width):
    return np.random.Generator(np.random.PCG64(seed)).integers(0, 256, (height, width, 3), np.uint8)


def test_an_image_becomes_the_same_input(encoded, loaded):
    """To 512 or 1024 pixels, antialiased, padded after normalising."""
    wanted = encoded[1]["preprocess_2000x1500"]["preprocessed"]
    assert deviation(wanted, loaded.network_input(drawn(4, 1500, 2000))) < TOLERANCE


def test_from_image_to_mask_as_the_official_predictor(encoded, loaded):
    """Prompts and masks in a frame of 1024 pixels, while the encoder sees 512."""
    if "predictor_640x480" not in encoded[1]:
        pytest.skip("the values are those of one size")
    wanted = encoded[1]["predictor_640x480"]
    predictor = samara.Predictor(loaded)
    embedding = predictor.embed(drawn(3, 480, 640))
    assert deviation(wanted["image_embedding"], embedding.features[None]) < TOLERANCE
    prompt = wanted["prompt"]
    masks = predictor.predict(embedding, prompt["points"], prompt["labels"], prompt["box"])
    low_res = torch.from_numpy(masks.low_res_logits)
    assert deviation(wanted["low_res_masks"], low_res) < TOLERANCE
    np.testing.assert_allclose(masks.predicted_iou, wanted["iou"], atol=TOLERANCE)
    logits = torch.cat(list(full_size(low_res, embedding.frame)))
    assert deviation(wanted["logits"], logits) < TOLERANCE
