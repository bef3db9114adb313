"""A ViT block for compilers: windows at the border are filled after the projection, and cropped before the next one.

The projection of an empty place is its bias, so it need not be computed: at 1024 pixels that is a sixth of both
projections of a windowed block. A compiler makes filling and splitting part of the copies that attention needs anyway;
without one they would be passes of their own over queries, keys and values, three times as many numbers as before the
projection.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from samara.networks.layers import join_windows, split_windows
from samara.networks.vit import Attention, Block, ImageEncoderViT, fed_forward


class FusedBlock(nn.Module):
    """The same as a `vit.Block`, whose layers it shares."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self.norm1, self.attn, self.norm2, self.mlp = block.norm1, block.attn, block.norm2, block.mlp
        self.Adapter = block.Adapter
        self.window_size = block.window_size

    def forward(self, x: Tensor) -> Tensor:
        """(B, h, w, D) in and out."""
        normed = self.norm1(x)
        x = x + (attended_in_windows(self.attn, normed, self.window_size) if self.window_size else self.attn(normed))
        return x + fed_forward(self.norm2(x), self.mlp, self.Adapter)


def attended_in_windows(attention: Attention, x: Tensor, size: int) -> Tensor:
    """Compute `layers.in_windows` of an attention; (B, H, W, D) in and out."""
    qkv = attention.qkv(x)
    windows = split_windows(_filled(qkv, attention.qkv.bias, size), size)  # (B · windows, size, size, 3 · D)
    joined = join_windows(attention.attend(windows), (x.shape[1], x.shape[2]))
    output: Tensor = attention.proj(joined)
    return output


def with_fused_blocks(encoder: nn.Module) -> nn.Module:
    """Replace the blocks of a ViT in place, and return it; leave other encoders as they are."""
    if isinstance(encoder, ImageEncoderViT):
        encoder.blocks = nn.ModuleList(FusedBlock(block) for block in encoder.blocks)  # type: ignore[arg-type]
    return encoder


def _filled(x: Tensor, value: Tensor, size: int) -> Tensor:
    """Fill (B, H, W, C) up to whole windows with a value (C,), at the bottom and on the right."""
    B, H, W, C = x.shape  # noqa: N806
    below, right = -H % size, -W % size
    if below:
        x = torch.cat([x, value.expand(B, below, W, C)], dim=1)
    if right:
        x = torch.cat([x, value.expand(B, H + below, right, C)], dim=2)
    return x
