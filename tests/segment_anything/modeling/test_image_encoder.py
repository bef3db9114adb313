"""The official image encoder's options; values of the usual ones are in test_numbers and tests/parity."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from samara.errors import SettingsError
from samara.segment_anything.modeling.image_encoder import Attention, Block, ImageEncoderViT, PatchEmbed


def test_the_official_defaults_have_no_relative_positions_and_no_windows():
    encoder = ImageEncoderViT(img_size=32, embed_dim=24, depth=2, num_heads=3, out_chans=8).eval()
    assert not any("rel_pos" in key for key in encoder.state_dict())
    assert not any(block.window_size for block in encoder.blocks)
    assert encoder(torch.randn(2, 3, 32, 32)).shape == (2, 8, 2, 2)
    assert encoder.blocks[0].norm1.eps == 1e-5


def test_options_are_obeyed():
    encoder = ImageEncoderViT(
        img_size=32,
        patch_size=8,
        in_chans=1,
        embed_dim=24,
        depth=1,
        num_heads=3,
        qkv_bias=False,
        act_layer=nn.ReLU,
        norm_layer=nn.Identity,
        use_abs_pos=False,
        use_rel_pos=True,
        window_size=3,
    )
    block = encoder.blocks[0]
    assert block.attn.qkv.bias is None
    assert isinstance(block.mlp.act, nn.ReLU)
    assert isinstance(block.norm1, nn.Identity)
    assert encoder.pos_embed is None
    assert block.attn.rel_pos_h.shape == (5, 8)
    assert encoder(torch.randn(1, 1, 32, 32)).shape == (1, 256, 4, 4)


def test_attention_without_relative_positions_is_attention():
    torch.manual_seed(0)
    plain, biased = Attention(12, 3), Attention(12, 3, use_rel_pos=True, input_size=(4, 5))
    biased.load_state_dict(plain.state_dict(), strict=False)  # the bias is zero at first
    x = torch.randn(2, 4, 5, 12)
    torch.testing.assert_close(plain(x), biased(x))
    assert plain.scale == 0.5


def test_relative_positions_need_a_grid():
    with pytest.raises(SettingsError, match="input_size"):
        Attention(12, 3, use_rel_pos=True)
    with pytest.raises(SettingsError, match="input_size"):
        Block(12, 3, use_rel_pos=True)
    assert Block(12, 3, use_rel_pos=True, window_size=4).attn.rel_pos_h.shape == (7, 4)


def test_patches_are_made_as_a_convolution_makes_them():
    assert PatchEmbed((4, 4), (2, 2), (1, 1), in_chans=2, embed_dim=6)(torch.zeros(1, 2, 8, 8)).shape == (1, 4, 4, 6)


def test_code_of_others_may_inherit():
    class Adapted(ImageEncoderViT):
        """Runs the blocks itself, as adapters do."""

        def __init__(self, *args, **more):
            super().__init__(*args, **more)
            self.prompt = nn.Parameter(torch.ones(1))

        def forward(self, x):
            x = self.patch_embed(x) + self.pos_embed
            for block in self.blocks:
                x = block(x * self.prompt)
            return self.neck(x.permute(0, 3, 1, 2))

    encoder = Adapted(img_size=32, embed_dim=24, depth=1, num_heads=3)
    plain = ImageEncoderViT(img_size=32, embed_dim=24, depth=1, num_heads=3)
    plain.load_state_dict(encoder.state_dict(), strict=False)
    x = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(encoder(x), plain(x))
