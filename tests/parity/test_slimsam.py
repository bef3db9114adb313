"""SlimSAM: its numbers read from the file, then compared with the official code (czg1225/SlimSAM)."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import samara
from samara.checkpoints.identification.families import recognise
from samara.networks.build import build_network
from samara.networks.variants import VARIANTS
from tests.checkpoints.files import write_torch_zip
from tests.checkpoints.reading.test_rename import to_transformers
from tests.parity.deterministic import deterministic_state, golden, normal, relative_error

TOLERANCE = 1e-4
PROMPTS = golden("prompts")


def shapes_of(name):
    return {key: tuple(entry["shape"]) for key, entry in golden(name)["layout"].items()}


@pytest.mark.parametrize(
    ("name", "heads", "hidden"), [("slimsam_50_uniform", 12, 1536), ("slimsam_77_uniform", 12, 696)]
)
def test_the_numbers_are_read_from_the_file(tmp_path, name, heads, hidden):
    expected = golden(name)
    identity = samara.identify(write_torch_zip(tmp_path / "x.pth", shapes_of(name)))
    config = identity.network.image_encoder
    assert (config.depth, config.num_heads, round(config.embed_dim * config.mlp_ratio)) == (12, heads, hidden)
    assert (identity.part, identity.parameters) == ("whole", expected["parameters"])
    assert (identity.missing, identity.unexpected, identity.misshapen) == ((), (), ())
    with torch.device("meta"):
        network = build_network(identity.network)
    assert {key: list(value.shape) for key, value in network.state_dict().items()} == {
        key: entry["shape"] for key, entry in expected["layout"].items()
    }
    theirs = {to_transformers(key): shape for key, shape in shapes_of(name).items()}
    assert samara.identify(write_torch_zip(tmp_path / "hf.bin", theirs)).variant == identity.variant
    published = VARIANTS[name.removesuffix("_uniform")]
    assert (identity.network, published.keys) == (published, len(expected["layout"]))
    assert published.parameters == expected["parameters"]


@pytest.mark.slow
def test_it_answers_as_the_official_code_does(tmp_path):
    expected = golden("slimsam_77_uniform")
    with torch.device("meta"):
        network = build_network(recognise(shapes_of("slimsam_77_uniform")).network)
    save_file(deterministic_state(network), tmp_path / "slim.safetensors")
    network = samara.load(tmp_path / "slim.safetensors", device="cpu", precision="float32").network
    with torch.inference_mode():
        embedding = network.image_encoder(torch.from_numpy(normal(7, (1, 3, 1024, 1024))))
        assert relative_error(expected["image_embedding"], embedding) < TOLERANCE
        for prompt in PROMPTS:
            points = (torch.tensor(prompt["points"]), torch.tensor(prompt["labels"])) if "points" in prompt else None
            boxes = torch.tensor(prompt["boxes"]) if "boxes" in prompt else None
            masks = torch.from_numpy(4 * normal(5, (1, 1, 256, 256))) if prompt.get("mask") else None
            sparse, dense = network.prompt_encoder(points, boxes, masks)
            for word, multimask in (("multi", True), ("single", False)):
                positions = network.prompt_encoder.get_dense_pe()
                logits, iou = network.mask_decoder(embedding, positions, sparse, dense, multimask)
                wanted = expected["decode"][f"{prompt['name']}/{word}"]
                assert relative_error(wanted["low_res_masks"], logits) < TOLERANCE
                np.testing.assert_allclose(iou.numpy(), wanted["iou"], atol=TOLERANCE)
