"""Hiera, the trunk of SAM 2's image encoder: a transformer of four stages.

Between stages the grid's side is halved and width and heads double, by max pooling the queries of a stage's first
block. Attention is inside windows, except in three global blocks of stage 3. There are no relative positions: the
absolute ones are the sum of a coarse grid, interpolated, and of one window, repeated.

Source: Ryali et al. 2023 (Hiera); Bolya et al. 2023 (window and global positions); Ravi et al. 2024 (SAM 2), appendix
C.1; facebookresearch/sam2 `modeling/backbones/hieradet.py` @2b90b9f for key names and constants.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.networks.layers import in_windows
from samara.networks.vit import check_divisible

MULTIPLE = 32
"""Image sides must be multiples of this, the stride of the coarsest stage and of a window of positions."""

PATCH_STRIDE = 4
POOL = 2
"""Stride of query pooling, along each side."""


class Hiera(nn.Module):
    """The trunk.

    Args:
        embed_dim: D, width of the tokens of the first stage.
        num_heads: attention heads of the first stage.
        depths: blocks per stage.
        global_attention_blocks: indices of the blocks that attend over the whole grid.
        window_sizes: per stage, side of a window.
        position_grid: side of the coarse grid of positions.
    """

    def __init__(
        self,
        *,
        embed_dim: int,
        num_heads: int,
        depths: Sequence[int],
        global_attention_blocks: Collection[int],
        window_sizes: Sequence[int],
        position_grid: int,
    ) -> None:
        super().__init__()
        self.widths = [embed_dim << stage for stage in range(len(depths))]
        self.last_blocks = [end - 1 for end in accumulate(depths)]
        self.patch_embed = PatchEmbed(embed_dim)
        self.pos_embed = nn.Parameter(torch.zeros(1, embed_dim, position_grid, position_grid))
        self.pos_embed_window = nn.Parameter(torch.zeros(1, embed_dim, window_sizes[0], window_sizes[0]))
        self.blocks = nn.ModuleList(
            HieraBlock(
                width=self.widths[stage],
                num_heads=num_heads << stage,
                window_size=0 if index in global_attention_blocks else window_sizes[stage - opens],
                opens_stage=opens,
            )
            for index, (stage, opens) in enumerate(_places(depths))
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return each stage's output: (B, 3, H, W) → (B, D, H / 4, W / 4), (B, 2D, H / 8, W / 8), ..., 8D at H / 32.

        Raises:
            ValueError: H or W is not a multiple of 32.
        """
        check_divisible(images, MULTIPLE)
        x = self.patch_embed(images)  # (B, H / 4, W / 4, D)
        return through_stages(x + self.positions(x.shape[1], x.shape[2]), self.blocks, self.last_blocks)

    def positions(self, h: int, w: int) -> Tensor:
        """Return positions for the first stage's grid, whose sides are multiples of its window: (1, h, w, D)."""
        coarse = F.interpolate(self.pos_embed, size=(h, w), mode="bicubic", align_corners=False)
        window_h, window_w = self.pos_embed_window.shape[-2:]
        positions = coarse + self.pos_embed_window.repeat(1, 1, h // window_h, w // window_w)
        return positions.permute(0, 2, 3, 1)  # (1, D, h, w) → (1, h, w, D)


def through_stages(x: Tensor, blocks: nn.ModuleList, last_blocks: Collection[int]) -> list[Tensor]:
    """Tokens (B, h, w, D) through all blocks; the outputs of the last of each stage, (B, D, h, w) and so on."""
    outputs = []
    for index, block in enumerate(blocks):
        x = block(x)
        if index in last_blocks:
            outputs.append(x.permute(0, 3, 1, 2))
    return outputs


def _places(depths: Sequence[int]) -> Iterator[tuple[int, bool]]:
    """Yield the stage of each block, and whether it opens one, which the first stage's first block does not."""
    for stage, depth in enumerate(depths):
        yield from ((stage, stage > 0 and position == 0) for position in range(depth))


class PatchEmbed(nn.Module):
    """Project overlapping patches to tokens."""

    def __init__(self, embed_dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, embed_dim, kernel_size=7, stride=PATCH_STRIDE, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) → (B, H / 4, W / 4, D)."""
        tokens: Tensor = self.proj(x)
        return tokens.permute(0, 2, 3, 1)


class HieraBlock(nn.Module):
    """Transformer block, pre-norm; attention in windows, or global when `window_size` is 0.

    A block that opens a stage takes the previous stage's grid, split into that stage's windows, and pooling halves
    their side. Its shortcut projects the output of the norm, not the block's input.

    Args:
        width: width of its output.
        num_heads: attention heads.
        window_size: side of a window of its input.
        opens_stage: whether it takes a grid of twice the side and half the width.
    """

    def __init__(self, *, width: int, num_heads: int, window_size: int, opens_stage: bool) -> None:
        super().__init__()
        width_in = width // 2 if opens_stage else width
        self.window_size = window_size
        self.opens_stage = opens_stage
        self.norm1 = nn.LayerNorm(width_in, eps=1e-6)
        self.attn = PoolingAttention(width_in, width, num_heads, pools=opens_stage)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = FeedForward(width, 4 * width)
        if opens_stage:
            self.proj = nn.Linear(width_in, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, D) → the same, or (B, h / 2, w / 2, 2D) if it opens a stage."""
        normed = self.norm1(x)
        shortcut = pool(self.proj(normed)) if self.opens_stage else x
        x = shortcut + in_windows(self.attn, normed, self.window_size, shrink=POOL if self.opens_stage else 1)
        output: Tensor = x + self.mlp(self.norm2(x))
        return output


class PoolingAttention(nn.Module):
    """Multi-head self-attention over a grid, with max-pooled queries if it `pools`."""

    def __init__(self, width_in: int, width: int, num_heads: int, *, pools: bool) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.pools = pools
        self.qkv = nn.Linear(width_in, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, D) → (B, h, w, D'), or (B, h / 2, w / 2, D') with pooling; B counts windows in windowed blocks."""
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        if self.pools:
            q = pool(q)
        attended = F.scaled_dot_product_attention(self._by_head(q), self._by_head(k), self._by_head(v))
        output: Tensor = self.proj(attended.transpose(1, 2).reshape(q.shape))
        return output

    def _by_head(self, x: Tensor) -> Tensor:
        """(B, h, w, D) → (B, heads, h · w, D / heads)."""
        B, h, w, D = x.shape  # noqa: N806 - the letters of docs/notation.md
        return x.reshape(B, h * w, self.num_heads, D // self.num_heads).transpose(1, 2)


class FeedForward(nn.Module):
    """Two linear layers with a GELU between; key names `layers.0` and `layers.1`."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, hidden), nn.Linear(hidden, width)])

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) in and out."""
        first, second = self.layers
        output: Tensor = second(F.gelu(first(x)))
        return output


def pool(x: Tensor) -> Tensor:
    """Maximum over blocks of 2 × 2: (B, h, w, D) → (B, h / 2, w / 2, D)."""
    return F.max_pool2d(x.permute(0, 3, 1, 2), kernel_size=POOL).permute(0, 2, 3, 1)
