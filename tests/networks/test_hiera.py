"""Hiera: grids, windows and shortcuts. Values: tests/parity/test_sam2_networks.py."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from samara.networks.architectures import HIERA
from samara.networks.hiera import Hiera, HieraBlock, PoolingAttention, pool

SMALL = {
    "embed_dim": 8,
    "num_heads": 1,
    "depths": (1, 2, 2, 1),
    "global_attention_blocks": (4,),
    "window_sizes": (8, 4, 14, 7),
    "position_grid": 7,
}


@pytest.fixture(scope="module")
def trunk():
    torch.manual_seed(0)
    trunk = Hiera(**SMALL).eval()
    for name, parameter in trunk.named_parameters():
        if name.startswith("pos_embed"):
            parameter.data.normal_()
    return trunk


@pytest.mark.parametrize(("h", "w"), [(64, 64), (96, 160)])
def test_every_stage_has_half_the_grid_and_twice_the_width(trunk, h, w):
    outputs = trunk(torch.randn(2, 3, h, w))
    assert [one.shape for one in outputs] == [(2, 8 << stage, h >> stage + 2, w >> stage + 2) for stage in range(4)]


@pytest.mark.parametrize("size", [(64, 80), (0, 64)])
def test_sides_that_are_no_multiple_of_32_are_refused(trunk, size):
    with pytest.raises(ValueError, match="multiple of 32"):
        trunk(torch.zeros(1, 3, *size))


@pytest.mark.parametrize(
    ("size", "windows"),
    [
        ("t", [8, 8, 4, 4, 14, 0, 14, 0, 14, 0, 14, 7]),
        ("s", [8, 8, 4, 4, 14, 14, 14, 0, 14, 14, 0, 14, 14, 0, 14, 7]),
        ("b+", [8, 8, 8, 4, 4, 4, *[14] * 6, 0, 14, 14, 14, 0, 14, 14, 14, 0, 14, 7, 7]),
        ("l", [8, 8, 8, 4, 4, 4, 4, 4, 4, *[16] * 14, 0, *[16] * 9, 0, *[16] * 9, 0, 16, 8, 8, 8]),
    ],
)
def test_the_window_of_a_stage_lags_by_one_block(size, windows):
    with torch.device("meta"):
        blocks = Hiera(**vars(HIERA[size])).blocks
    assert [block.window_size for block in blocks] == windows
    depths = HIERA[size].depths
    opening = [sum(depths[:stage]) for stage in (1, 2, 3)]
    assert [index for index, block in enumerate(blocks) if block.opens_stage] == opening


def test_positions_repeat_the_window_on_a_coarse_grid(trunk):
    positions = trunk.positions(16, 24)
    assert positions.shape == (1, 16, 24, 8)
    coarse = F.interpolate(trunk.pos_embed, size=(16, 24), mode="bicubic")
    window = positions.permute(0, 3, 1, 2) - coarse
    torch.testing.assert_close(window[..., 8:16, 16:24], trunk.pos_embed_window, atol=1e-5, rtol=1e-5)


def test_the_shortcut_projects_what_the_norm_gave():
    torch.manual_seed(0)
    block = HieraBlock(width=8, num_heads=2, window_size=4, opens_stage=True).eval()
    for silent in (block.attn.proj, block.mlp.layers[1]):
        torch.nn.init.zeros_(silent.weight)
        torch.nn.init.zeros_(silent.bias)
    x = 100 + 50 * torch.randn(1, 8, 8, 4)
    torch.testing.assert_close(block(x), pool(block.proj(block.norm1(x))))


def test_queries_are_pooled_and_keys_are_not():
    torch.manual_seed(0)
    attention = PoolingAttention(4, 8, 2, pools=True)
    x = torch.randn(3, 4, 4, 4)
    q, k, v = attention.qkv(x).chunk(3, dim=-1)
    assert attention(x).shape == (3, 2, 2, 8)
    parts = []
    for head in (slice(0, 4), slice(4, 8)):
        query = torch.stack([q[:, y : y + 2, z : z + 2, head].amax((1, 2)) for y in (0, 2) for z in (0, 2)], dim=1)
        scores = query @ k[..., head].flatten(1, 2).mT / 2
        parts.append(scores.softmax(-1) @ v[..., head].flatten(1, 2))
    torch.testing.assert_close(attention(x), attention.proj(torch.cat(parts, -1)).view(3, 2, 2, 8))


def test_windows_do_not_see_each_other_and_padding_is_seen():
    torch.manual_seed(0)
    block = HieraBlock(width=8, num_heads=2, window_size=4, opens_stage=False).eval()
    x = torch.randn(1, 6, 6, 8)
    other = x.clone()
    other[:, 4:] += 1
    assert block(x)[:, :4].equal(block(other)[:, :4])
    alone = HieraBlock(width=8, num_heads=2, window_size=0, opens_stage=False).eval()
    alone.load_state_dict(block.state_dict())
    assert not torch.allclose(block(x)[:, 4:, 4:], alone(x[:, 4:, 4:]))
