"""Adapted networks are told from plain ones, whatever was done to them."""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from torch import nn

import samara
from samara.networks.lora import add_lora, merge_lora
from samara.networks.mask_decoder import MaskDecoder
from samara.networks.plain import adaptations, dtype_of, is_plain
from samara.networks.two_way_transformer import Attention, TwoWayTransformer
from samara.networks.vit import ImageEncoderViT
from tests.engines.conftest import SMALL, small
from tests.networks.adaptations import ADAPTATIONS


@pytest.fixture
def decoder():
    return MaskDecoder(transformer=TwoWayTransformer(embedding_dim=32, mlp_dim=16), transformer_dim=32).eval()


def module_parts(network):
    return network.image_encoder, network.prompt_encoder, network.mask_decoder


@pytest.mark.parametrize("name", SMALL)
def test_what_this_room_makes_is_plain(name):
    network = small(name, 64).network
    for part in (*module_parts(network), *module_parts(copy.deepcopy(network)), *module_parts(network.half())):
        assert list(adaptations(part)) == []


def test_what_is_loaded_is_plain(mini):
    assert all(map(is_plain, module_parts(mini.sam)))
    assert is_plain(samara.load("yolo11n-seg", weights="random", device="cpu", precision="float32").network)


@pytest.mark.parametrize("adapt", ADAPTATIONS.values(), ids=ADAPTATIONS)
def test_every_adaptation_is_noticed(decoder, adapt):
    adapt(decoder)
    assert not is_plain(decoder)


def test_a_hook_that_went_is_forgotten_and_numbers_may_change(decoder):
    handle = decoder.transformer.register_forward_hook(lambda *_: None)
    assert not is_plain(decoder)
    handle.remove()
    with torch.no_grad():
        decoder.iou_token.weight.mul_(2)
    decoder.load_state_dict({key: value + 1 for key, value in decoder.state_dict().items()}, assign=True)
    assert is_plain(decoder)


def test_classes_that_somebody_patched(decoder, monkeypatch):
    @functools.wraps(Attention.forward)
    def other(self, q, k, v):
        return q

    monkeypatch.setattr(Attention, "forward", other)
    assert "has a replaced forward" in next(adaptations(decoder))


def test_hooks_on_all_modules(decoder):
    handle = nn.modules.module.register_module_forward_hook(lambda *_: None)
    try:
        assert not is_plain(decoder)
    finally:
        handle.remove()
    assert is_plain(decoder)


def test_weights_of_another_kind(decoder):
    class Quantised(torch.Tensor):
        pass

    layer = decoder.transformer.layers[0].norm4
    layer.weight = nn.Parameter(layer.weight.detach().as_subclass(Quantised))
    assert next(adaptations(decoder)) == "transformer.layers.0.norm4 stores its weight in a custom form"


def test_our_own_lora_counts_until_it_is_merged():
    encoder = ImageEncoderViT(input_size=32, embed_dim=8, depth=1, num_heads=2, global_attention_blocks=(0,))
    add_lora(encoder, rank=1, generator=torch.Generator())
    assert not is_plain(encoder)
    merge_lora(encoder)
    assert is_plain(encoder)


def test_foreign_modules_are_not_plain_and_have_a_type():
    assert next(adaptations(nn.Linear(2, 2))) == "it is a torch.nn.modules.linear.Linear"
    assert dtype_of(nn.Linear(2, 2).half()) == torch.float16
    assert dtype_of(nn.Identity()) == torch.float32
