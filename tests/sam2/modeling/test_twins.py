"""Twins share parameters, and there and back is the same network, as plain as before or as adapted."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from samara.networks.plain import is_plain
from samara.sam2.modeling.sam2_base import SAM2Base
from tests.engines.conftest import small


@pytest.fixture(scope="module")
def loaded():
    return small("sam2.1_hiera_t", 64)


def kinds(network):
    return {name: type(module) for name, module in network.named_modules()}


def parts(sam):
    return sam.image_encoder, sam.prompt_encoder, sam.mask_decoder


def test_there_and_back_is_the_same_network(loaded):
    back = SAM2Base(loaded).as_samaras()
    for one, other in zip(parts(back), parts(loaded.sam), strict=True):
        assert kinds(one) == kinds(other)
        assert is_plain(one)
    own = dict(loaded.sam.named_parameters())
    assert {name for name, one in back.named_parameters() if one is own[name]} == own.keys()
    images = torch.randn(1, 3, 64, 64)
    points = torch.tensor([[[9.0, 20.0]]]), torch.tensor([[1]])
    with torch.no_grad():
        for multimask in (True, False):
            torch.testing.assert_close(
                back(images, points, multimask=multimask), loaded.sam(images, points, multimask=multimask)
            )


def test_what_is_adapted_is_seen(loaded):
    model = SAM2Base(loaded)
    model.image_encoder.trunk.blocks[1].attn.qkv = nn.Sequential(model.image_encoder.trunk.blocks[1].attn.qkv)
    model.sam_mask_decoder.transformer.layers[0].norm1.register_forward_hook(lambda *arguments: None)
    encoder, prompt_encoder, decoder = parts(model.as_samaras())
    assert [is_plain(part) for part in (encoder, prompt_encoder, decoder)] == [False, True, False]
    assert all(is_plain(part) for part in parts(loaded.sam))


def test_a_part_of_somebody_elses_stays(loaded):
    class Own(nn.Module):
        conv_s0 = conv_s1 = nn.Identity()

    model = SAM2Base(loaded)
    own = model.sam_mask_decoder = Own()
    assert model.as_samaras().mask_decoder is own


def test_no_random_number_is_drawn(loaded):
    model = SAM2Base(loaded)
    before = torch.get_rng_state()
    model.as_samaras()
    assert torch.equal(before, torch.get_rng_state())
