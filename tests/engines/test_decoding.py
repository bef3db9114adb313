"""The steps from prompts to masks: which parts they use, and when results have to be computed again."""

from __future__ import annotations

import pytest
import torch

from samara.engines import forms
from samara.engines.decoding import decoder_of
from samara.engines.torch_engine import TorchEngine
from tests.engines.conftest import small


@pytest.fixture
def engine():
    return TorchEngine(small("vit_t", 64).network, "cpu", "bfloat16")


def change(network):
    with torch.no_grad():
        network.prompt_encoder.no_mask_embed.weight.add_(1)


def test_a_processor_uses_the_network_itself(engine):
    decoding = engine.decoding
    assert decoding.decoder is engine.network.mask_decoder
    assert decoding.prompt_encoder is engine.network.prompt_encoder
    assert not decoding.is_formed
    before = decoding.state
    change(engine.network)
    assert engine.decoding is decoding
    assert decoding.state != before


def test_a_device_uses_forms_until_the_network_changes(engine, monkeypatch):
    monkeypatch.setattr(forms, "DEVICES_WITH_FORMS", {"cpu"})
    decoding = engine.decoding
    assert decoding.is_formed
    assert engine.decoding is decoding
    assert decoding.decoder.transformer.layers[0].mlp.lin1.weight.dtype == torch.bfloat16
    assert decoding.prompt_encoder.mask_downscaling[0].weight.dtype == torch.float32  # positions need it
    change(engine.network)
    assert engine.decoding is not decoding
    assert engine.decoding.state != decoding.state
    engine.network.mask_decoder.register_forward_pre_hook(lambda *args: None)
    assert engine.decoding.decoder is engine.network.mask_decoder
    assert not engine.decoding.is_formed


def test_masks_depend_on_both_parts(engine):
    names = {name.split(".")[0] for name in decoder_of(engine.network).state_dict()}
    assert names == {"prompt_encoder", "mask_decoder"}
