"""The trunk under its official name."""

from __future__ import annotations

from samara.sam2.modeling.backbones.hieradet import Hiera, MultiScaleAttention, MultiScaleBlock


def test_names_and_widths(model):
    trunk = model.image_encoder.trunk
    assert type(trunk) is Hiera
    assert trunk.channel_list == [128, 64, 32, 16]
    block = trunk.blocks[0]
    assert isinstance(block, MultiScaleBlock)
    assert isinstance(block.attn, MultiScaleAttention)
    assert block.attn.qkv.in_features == 16  # what adapters ask for
