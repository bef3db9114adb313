"""Blocks for compilers compute what the blocks of the ViT compute."""

from __future__ import annotations

import pytest
import torch

from samara.networks import vit
from samara.networks.fused_attention import attend_fused
from samara.networks.fused_block import FusedBlock, with_fused_blocks
from samara.networks.vit import Block
from tests.engines.conftest import small


@pytest.fixture(params=[True, False], ids=["fused", "sliced"])
def attention(request, monkeypatch):
    if request.param:
        monkeypatch.setattr(vit, "attend_sliced", attend_fused)


@pytest.mark.parametrize("adapter_width", [None, 4])
@pytest.mark.parametrize(("h", "w"), [(6, 6), (7, 9), (8, 6), (2, 5)])
@pytest.mark.parametrize("window_size", [0, 3])
def test_a_block(attention, h, w, window_size, adapter_width):
    torch.manual_seed(0)
    block = Block(
        width=24, num_heads=2, mlp_ratio=2.0, grid=7, window_size=window_size, adapter_width=adapter_width
    ).eval()
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x = torch.randn(2, h, w, 24)
    with torch.inference_mode():
        torch.testing.assert_close(FusedBlock(block)(x), block(x), atol=1e-4, rtol=1e-4)


def test_the_blocks_of_a_vit_are_replaced_and_share_their_layers():
    encoder = small("vit_b", 240).network.image_encoder
    images = torch.randn(1, 3, 240, 240, generator=torch.Generator().manual_seed(0))
    weights = {name: value.data_ptr() for name, value in encoder.state_dict().items()}
    with torch.inference_mode():
        expected = encoder(images)
        found = with_fused_blocks(encoder)(images)
    assert all(isinstance(block, FusedBlock) for block in encoder.blocks)
    assert {name: value.data_ptr() for name, value in encoder.state_dict().items()} == weights
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_other_encoders_stay():
    encoder = small("vit_t", 64).network.image_encoder
    before = list(encoder.modules())
    assert list(with_fused_blocks(encoder).modules()) == before
