"""EdgeSAM and RepViT-SAM against the official code, with the same deterministic weights.

EdgeSAM: chongzhou96/EdgeSAM @b53372c; RepViT-SAM: THU-MIG/RepViT @298f420. With these weights the activations grow to
1e5 and 1e10 before the neck's norm, hence the tolerances.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import samara
from samara.engines.loaded import Loaded, Provenance
from samara.networks.build import build_sam
from samara.networks.folding import folded
from samara.networks.layers import resized
from samara.networks.mask_decoder import SINGLE_MASK, THREE_MASKS
from samara.networks.variants import VARIANTS
from samara.segmentation.predictor import full_size
from tests.parity.deterministic import deterministic_state, deviation, golden, normal

TOLERANCE = {"edge_sam": 1e-4, "repvit_sam": 5e-4}  # of a standard deviation; float32 itself makes 1e-5 and 6e-5
PROMPTS = golden("prompts")
ALL_MASKS = slice(None)
ASKED = {"1": SINGLE_MASK, "3": THREE_MASKS, "4": ALL_MASKS, "single": SINGLE_MASK, "multi": THREE_MASKS}
ANSWERS = [("edge_sam", how) for how in ("1", "3", "4")] + [("repvit_sam", how) for how in ("single", "multi")]


def built(variant):
    with torch.device("meta"):
        return build_sam(variant)


@dataclasses.dataclass(frozen=True)
class Encoded:
    """A network, its golden values, what its encoder made on the way, and the embedding."""

    name: str
    network: torch.nn.Module
    expected: dict
    made: dict
    embedding: torch.Tensor

    @property
    def tolerance(self):
        return TOLERANCE[self.name]


@pytest.fixture(scope="module")
def networks():
    return {}


@pytest.fixture
def encoded(request, networks):
    name = request.param
    if name not in networks:
        networks[name] = encode(name)
    return networks[name]


def encode(name):
    network = built(VARIANTS[name])
    network.load_state_dict(deterministic_state(network), strict=True, assign=True)
    encoder, expected, made = network.eval().image_encoder, golden(name), {}
    watched = {number: encoder.features[int(number)] for number in expected["features"]}
    if "fuse_stage3" in expected:
        watched["fuse_stage3"] = encoder.fuse_stage3
    handles = [
        module.register_forward_hook(lambda module, inputs, output, name=name: made.update({name: output}))
        for name, module in watched.items()
    ]
    with torch.inference_mode():
        embedding = encoder(torch.from_numpy(normal(7, (1, 3, 1024, 1024))))
    for handle in handles:
        handle.remove()
    return Encoded(name, network, expected, made, embedding)


BOTH = pytest.mark.parametrize(
    "encoded", ["edge_sam", pytest.param("repvit_sam", marks=pytest.mark.slow)], indirect=True
)


@pytest.mark.parametrize("name", TOLERANCE)
def test_keys_shapes_and_counts_are_the_published_ones(name):
    expected, network = golden(name), built(VARIANTS[name])
    own = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert own == {key: one["shape"] for key, one in expected["layout"].items()}
    assert sum(one.numel() for one in network.parameters()) == expected["parameters"] == VARIANTS[name].parameters
    assert sum(one.numel() for one in network.image_encoder.parameters()) == expected["encoder_parameters"]


@pytest.mark.parametrize("name", TOLERANCE)
def test_the_reparameterised_form_has_the_official_keys(name):
    expected, encoder = golden(name)["reparameterised"], built(VARIANTS[name].reparameterised()).image_encoder
    own = {key: list(value.shape) for key, value in encoder.state_dict(prefix="image_encoder.").items()}
    assert own == {key: one["shape"] for key, one in expected["layout"].items()}
    assert sum(one.numel() for one in encoder.parameters()) == expected["encoder_parameters"]


@BOTH
def test_every_stage_of_the_encoder(encoded):
    for name, wanted in encoded.expected["features"].items():
        assert deviation(wanted, encoded.made[name]) < encoded.tolerance, name
    if "fuse_stage3" in encoded.expected:  # its values are behind the interpolation
        enlarged = resized(encoded.made["fuse_stage3"], (64, 64))
        assert deviation(encoded.expected["fuse_stage3"], enlarged) < encoded.tolerance
    assert deviation(encoded.expected["image_embedding"], encoded.embedding) < encoded.tolerance


@BOTH
def test_folded_and_reparameterised_it_computes_the_same(encoded):
    """A folded encoder has the weights of the official re-parameterised form, which it is loaded into."""
    own = folded(encoded.network.image_encoder)
    other = built(VARIANTS[encoded.name].reparameterised()).image_encoder
    state = {key.replace(".c.", "."): value for key, value in own.state_dict().items()}
    other.load_state_dict(state, strict=True, assign=True)
    with torch.inference_mode():
        embedding = other.eval()(torch.from_numpy(normal(7, (1, 3, 1024, 1024))))
    assert deviation(encoded.expected["image_embedding"], embedding) < encoded.tolerance


@pytest.mark.parametrize(
    ("encoded", "how"),
    [pytest.param(*one, marks=[pytest.mark.slow] if one[0] == "repvit_sam" else []) for one in ANSWERS],
    indirect=["encoded"],
)
@pytest.mark.parametrize("prompt", PROMPTS, ids=[prompt["name"] for prompt in PROMPTS])
def test_every_kind_of_prompt(encoded, how, prompt):
    wanted, network = encoded.expected["decode"][f"{prompt['name']}/{how}"], encoded.network
    points = (torch.tensor(prompt["points"]), torch.tensor(prompt["labels"])) if "points" in prompt else None
    boxes = torch.tensor(prompt["boxes"]) if "boxes" in prompt else None
    given = torch.from_numpy(4 * normal(5, (1, 1, 256, 256))) if prompt.get("mask") else None
    with torch.inference_mode():
        sparse, dense = network.prompt_encoder(points, boxes, given)
        decoder, positions = network.mask_decoder, network.prompt_encoder.get_dense_pe()
        look = decoder.look(encoded.embedding, positions, sparse, dense)
        logits, iou = decoder.draw(look, ASKED[how]), look.predicted_iou[:, ASKED[how]]
    assert deviation(wanted["low_res_masks"], logits) < encoded.tolerance
    np.testing.assert_allclose(iou.numpy(), wanted["iou"], atol=encoded.tolerance)
    if "stability_score" in wanted:
        # Of 65,536 pixels those change sides whose logits are within the tolerance of a threshold.
        np.testing.assert_allclose(decoder.scores_of(logits, iou).numpy(), wanted["stability_score"], atol=1e-3)


def loaded_of(encoded):
    variant = VARIANTS[encoded.name]
    return Loaded(
        network=encoded.network,
        variant=variant,
        provenance=Provenance("golden", None, None, "random"),
        input_size=1024,
        pred_iou_thresh=variant.pred_iou_thresh,
        stability_score_thresh=variant.stability_score_thresh,
        device="cpu",
        precision="float32",
    )


def drawn(seed, height, width):
    return np.random.Generator(np.random.PCG64(seed)).integers(0, 256, (height, width, 3), np.uint8)


@BOTH
def test_an_image_becomes_the_same_input(encoded):
    wanted = encoded.expected["preprocess_2000x1500"]["preprocessed"]
    assert deviation(wanted, loaded_of(encoded).network_input(drawn(4, 1500, 2000))) < 1e-5


@BOTH
def test_from_image_to_mask_as_the_official_predictor(encoded):
    """With the folded encoder, and what the official predictor ranks by."""
    wanted = encoded.expected["predictor_640x480"]
    predictor = samara.Predictor(loaded_of(encoded))
    embedding = predictor.embed(drawn(3, 480, 640))
    assert deviation(wanted["image_embedding"], embedding.features[None]) < encoded.tolerance
    prompt = wanted["prompt"]
    masks = predictor.predict(embedding, prompt["points"], prompt["labels"], prompt["box"])
    low_res = torch.from_numpy(masks.low_res_logits)
    assert deviation(wanted["low_res_masks"], low_res) < encoded.tolerance
    if encoded.name == "edge_sam":
        np.testing.assert_allclose(masks.predicted_iou, wanted["stability_score"], atol=1e-3)
    else:
        np.testing.assert_allclose(masks.predicted_iou, wanted["iou"], atol=encoded.tolerance)
    logits = torch.cat(list(full_size(low_res, embedding.frame)))
    assert deviation(wanted["logits"], logits) < encoded.tolerance
