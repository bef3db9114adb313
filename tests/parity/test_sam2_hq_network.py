"""HQ-SAM 2 against the official code (SysCV/sam-hq, sam-hq2 @fb181f8), with the same deterministic weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from samara.checkpoints.reading.sam2_names import from_published, image_path
from samara.networks.build import build_sam
from samara.networks.variants import VARIANTS
from tests.parity.deterministic import deterministic_value, deviation, golden, normal
from tests.parity.test_sam2_networks import PROMPTS, TOLERANCE, embedded

VARIANT = VARIANTS["sam2.1_hq_hiera_l"]


def layout():
    expected = golden("sam2.1_hq_hiera_large")["layout"]
    whole = golden(expected["as"].removesuffix(".json"))["layout"] | {
        name: entry["shape"] for name, entry in expected["and_also"].items()
    }
    return image_path(whole).entries


def test_keys_shapes_and_counts_are_the_published_ones():
    with torch.device("meta"):
        network = build_sam(VARIANT)
    own = {key: list(value.shape) for key, value in network.state_dict().items()}
    assert own == from_published(layout())
    assert (sum(one.numel() for one in network.parameters()), len(own)) == (VARIANT.parameters, VARIANT.keys)


@pytest.fixture(scope="module")
def encoded():
    with torch.device("meta"):
        network = build_sam(VARIANT)
    state = {
        key: torch.from_numpy(np.asarray(deterministic_value(key, shape), dtype=np.float32))
        for key, shape in layout().items()
    }
    network.load_state_dict(from_published(state), strict=True, assign=True)
    network.eval()
    with torch.inference_mode():
        return network, network.image_encoder(torch.from_numpy(normal(7, (1, 3, 1024, 1024))))


@pytest.mark.slow
@pytest.mark.parametrize("prompt", PROMPTS, ids=[prompt["name"] for prompt in PROMPTS])
def test_every_kind_of_prompt(encoded, prompt, monkeypatch):
    network, features = encoded
    decoder = network.mask_decoder
    expected = golden("sam2.1_hq_hiera_large")["decode"]
    with torch.inference_mode():
        asked = (features, network.prompt_encoder.get_dense_pe(), *embedded(network, prompt))
        for by_stability, mode in ((False, "single"), (True, "single_dynamic"), (True, "multi")):
            monkeypatch.setattr(decoder, "by_stability", by_stability)
            wanted = expected[f"{prompt['name']}/{mode}/hq_plus_sam"]
            logits, iou = decoder(*asked, multimask_output=mode == "multi")
            assert deviation(wanted["low_res_masks"], logits) < TOLERANCE
            np.testing.assert_allclose(iou.numpy(), wanted["iou"], atol=TOLERANCE)
        wanted = expected[f"{prompt['name']}/multi/hq_only"]
        logits, iou = decoder(*asked, multimask_output=True, hq_token_only=True)
    assert deviation(wanted["low_res_masks"], logits) < TOLERANCE
    np.testing.assert_allclose(iou.numpy()[:, 0], np.max(wanted["iou"], axis=1), atol=TOLERANCE)
