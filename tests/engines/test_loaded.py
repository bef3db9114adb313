"""Fingerprints tell image encoders apart."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

import samara
from samara.engines import loaded as loaded_module
from samara.engines.loaded import fingerprint
from samara.errors import SettingsError, WrongCheckpoint
from samara.images.preprocessing import Frame
from tests.engines.conftest import small


def linear():
    torch.manual_seed(0)
    return nn.Linear(300, 200)


def test_equal_weights_have_equal_fingerprints():
    assert fingerprint(linear()) == fingerprint(linear())


@pytest.mark.parametrize(
    "change",
    [
        lambda network: network.weight.data.add_(1e-6),
        lambda network: network.weight.data.add_(torch.outer(torch.randn(200), torch.randn(300))),  # a LoRA merged
        lambda network: network.bias.data.mul_(1.01),
        lambda network: setattr(network, "bias", None),
    ],
)
def test_changed_weights_have_another(change):
    network = linear()
    before = fingerprint(network)
    change(network)
    assert fingerprint(network) != before


def test_the_decoder_does_not_count_but_the_input_size_does(mini):
    assert dataclasses.replace(mini, input_size=256).fingerprint != mini.fingerprint
    assert mini.fingerprint == f"{fingerprint(mini.network.image_encoder)}-{mini.input_size}"
    assert mini.name == "samara_mini"


def test_early_features_count_because_embeddings_have_more_channels():
    sam, hq = (
        samara.load(name, weights="random", device="cpu", precision="float32", input_size=64)
        for name in ("mobile_sam", "sam_hq_vit_tiny")
    )
    hq.network.image_encoder.load_state_dict(sam.network.image_encoder.state_dict())
    assert hq.fingerprint == f"{sam.fingerprint}-early160"


def test_only_hq_sam_has_an_hq_token(mini):
    with pytest.raises(SettingsError, match="has no HQ token"):
        dataclasses.replace(mini, hq_token_only=True)


def test_a_variants_preprocessing_is_applied_in_one_place(mini):
    image = np.random.default_rng(0).integers(0, 256, (30, 60, 3), dtype=np.uint8)
    assert mini.frame_of((30, 60)) == Frame((30, 60), mini.input_size)
    inputs = mini.network_input(image)
    assert inputs.shape == (1, 3, mini.input_size, mini.input_size)
    assert not inputs[:, :, mini.input_size // 2 :].any()  # the padding
    squashed = dataclasses.replace(mini.variant.preprocessing, fit="squash")
    squashing = dataclasses.replace(mini, variant=dataclasses.replace(mini.variant, preprocessing=squashed))
    assert squashing.frame_of((30, 60)).resized_size_hw == (mini.input_size, mini.input_size)
    assert squashing.network_input(image)[:, :, -1].any()


def test_prompts_may_be_in_a_larger_square_than_the_networks_input():
    loaded = small("efficientvit_sam_l0", 64)
    assert (loaded.input_size, loaded.grid, loaded.frame_size) == (64, 8, 128)
    assert loaded.frame_of((30, 60)) == Frame((30, 60), 128)
    image = np.random.default_rng(0).integers(0, 256, (30, 60, 3), dtype=np.uint8)
    assert loaded.network_input(image).shape == (1, 3, 64, 64)


def test_a_letterbox_is_no_square():
    fastsam = samara.load("fastsam_s", weights="random", device="cpu", precision="float32", input_size=64)
    with pytest.raises(WrongCheckpoint, match="FastSAM-s.*letterbox"):
        fastsam.frame_of((30, 60))


def test_on_an_accelerator_weights_are_read_once_until_they_change(monkeypatch):
    network, read = linear(), []
    monkeypatch.setattr(loaded_module, "fingerprint", lambda network: read.append(network) or str(len(read)))
    on_device = type("OnDevice", (), {"device": torch.device("cuda")})()
    monkeypatch.setattr(network, "parameters", lambda: [on_device])
    assert [loaded_module._tracked_fingerprint(network) for _ in range(3)] == ["1"] * 3
    with torch.no_grad():
        network.weight.mul_(2)
    assert loaded_module._tracked_fingerprint(network) == "2"


def test_on_a_processor_they_are_read_each_time():
    network = linear()
    before = loaded_module._tracked_fingerprint(network)
    network.weight.data.add_(1.0)  # which PyTorch does not track
    assert loaded_module._tracked_fingerprint(network) != before
