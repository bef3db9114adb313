"""Building blocks of YOLOv8-seg and YOLO11-seg, under the key names of the published files.

Everything is made of one unit: convolution, batch norm, SiLU. Stages split their channels, send one part through a
chain of small blocks and mix all intermediate results with a 1 × 1 convolution (cross stage partial networks).

Source: the architecture as published (Ultralytics' model tables and the names, shapes and settings inside its
checkpoint files; `tests/parity/test_yolo_seg.py` compares numbers). Written from these facts, without copying code.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from samara.networks.plain import dtype_of, own_adaptations

NORM_EPSILON = 1e-3
NORM_MOMENTUM = 0.03
HEAD_CHANNELS = 64
"""Channels of one attention head; keys have half as many."""

MakesBlock = Callable[[int], nn.Module]
"""Builds a block from its number of channels, which it preserves."""


class ConvUnit(nn.Module):
    """Convolution without bias, batch norm, and SiLU unless `activated` is off; keeps the size at stride 1.

    Args:
        channels_in, channels_out: channels of the convolution.
        kernel: odd side of the kernel.
        stride: its stride.
        groups: its groups; `channels_in` for a depthwise convolution.
        activated: whether SiLU follows.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        activated: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            channels_in, channels_out, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False
        )
        self.bn: nn.BatchNorm2d | nn.Identity = nn.BatchNorm2d(channels_out, eps=NORM_EPSILON, momentum=NORM_MOMENTUM)
        self.activated = activated

    def fuse(self) -> None:
        """Fold the norm's statistics into the convolution, for eval mode; this removes the published keys."""
        if isinstance(self.bn, nn.BatchNorm2d):
            self.conv, self.bn = fuse_conv_bn_eval(self.conv, self.bn), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) → (B, C', h / stride, w / stride)."""
        x = self.bn(self.conv(x))
        return F.silu(x) if self.activated else x


class ConvPair(nn.Module):
    """Two 3 × 3 units with equal input and output width, by default with a residual connection.

    Args:
        channels: width outside.
        hidden: width between the two.
        residual: whether the input is added to the output.
    """

    def __init__(self, channels: int, hidden: int, *, residual: bool = True) -> None:
        super().__init__()
        self.cv1 = ConvUnit(channels, hidden, 3)
        self.cv2 = ConvUnit(hidden, channels, 3)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) → the same."""
        changed: Tensor = self.cv2(self.cv1(x))
        return x + changed if self.residual else changed


class InnerStage(nn.Module):
    """Two pairs of convolutions in parallel with a 1 × 1 branch, each on half of the channels: YOLO11's deeper block.

    Args:
        channels: width in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.cv1 = ConvUnit(channels, half)
        self.cv2 = ConvUnit(channels, half)
        self.cv3 = ConvUnit(2 * half, channels)
        self.m = nn.Sequential(ConvPair(half, half), ConvPair(half, half))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) → the same."""
        mixed: Tensor = self.cv3(torch.cat([self.m(self.cv1(x)), self.cv2(x)], dim=1))
        return mixed


class ChainStage(nn.Module):
    """A stage that keeps every intermediate: two halves and each block's output on the second, mixed at the end.

    Args:
        channels_in: width in.
        channels_out: width out.
        hidden: width of a half.
        blocks: number of blocks.
        block: builder of the blocks.
    """

    def __init__(self, channels_in: int, channels_out: int, *, hidden: int, blocks: int, block: MakesBlock) -> None:
        super().__init__()
        self.cv1 = ConvUnit(channels_in, 2 * hidden)
        self.cv2 = ConvUnit((2 + blocks) * hidden, channels_out)
        self.m = nn.ModuleList(block(hidden) for _ in range(blocks))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) → (B, C', h, w)."""
        parts = [*self.cv1(x).chunk(2, dim=1)]
        for block in self.m:
            parts.append(block(parts[-1]))
        mixed: Tensor = self.cv2(torch.cat(parts, dim=1))
        return mixed


class PyramidPooling(nn.Module):
    """Concatenated neighbourhoods of 5, 9 and 13 pixels, by pooling one to three times.

    Args:
        channels: width in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cv1 = ConvUnit(channels, channels // 2)
        self.cv2 = ConvUnit(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) → the same."""
        levels = [self.cv1(x)]
        for _ in range(3):
            levels.append(F.max_pool2d(levels[-1], kernel_size=5, stride=1, padding=2))
        mixed: Tensor = self.cv2(torch.cat(levels, dim=1))
        return mixed


class PixelAttention(nn.Module):
    """Self-attention of all pixels, with a depthwise convolution of the values in place of positions.

    Args:
        channels: width in and out, a multiple of `HEAD_CHANNELS`.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = channels // HEAD_CHANNELS
        self.key_channels = HEAD_CHANNELS // 2
        self.qkv = ConvUnit(channels, 2 * channels, activated=False)  # queries and keys: half as wide as values
        self.proj = ConvUnit(channels, channels, activated=False)
        self.pe = ConvUnit(channels, channels, 3, groups=channels, activated=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) → the same."""
        shape = x.shape
        per_head = self.qkv(x).view(shape[0], self.heads, 2 * HEAD_CHANNELS, -1)  # (B, heads, 128, h · w)
        queries, keys, values = per_head.split([self.key_channels, self.key_channels, HEAD_CHANNELS], dim=2)
        seen = F.scaled_dot_product_attention(queries.mT, keys.mT, values.mT).mT  # (B, heads, 64, h · w)
        mixed: Tensor = self.proj(seen.reshape(shape) + self.pe(values.reshape(shape)))
        return mixed


class AttentionBlock(nn.Module):
    """Attention, then two 1 × 1 units, each with a residual connection.

    Args:
        channels: width in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attn = PixelAttention(channels)
        self.ffn = nn.Sequential(ConvUnit(channels, 2 * channels), ConvUnit(2 * channels, channels, activated=False))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) → the same."""
        x = x + self.attn(x)
        changed: Tensor = x + self.ffn(x)
        return changed


class AttentionStage(nn.Module):
    """Half of the channels through blocks of attention, mixed with the other half.

    Args:
        channels: width in and out.
        blocks: number of blocks.
    """

    def __init__(self, channels: int, *, blocks: int) -> None:
        super().__init__()
        half = channels // 2
        self.cv1 = ConvUnit(channels, 2 * half)
        self.cv2 = ConvUnit(2 * half, channels)
        self.m = nn.Sequential(*(AttentionBlock(half) for _ in range(blocks)))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) → the same."""
        kept, attending = self.cv1(x).chunk(2, dim=1)
        mixed: Tensor = self.cv2(torch.cat([kept, self.m(attending)], dim=1))
        return mixed


class Prototypes(nn.Module):
    """Prototype masks, mixed into those of all instances, at twice the resolution of the features.

    Args:
        channels_in: width of the features.
        hidden: inner width.
        prototypes: number of prototypes.
    """

    def __init__(self, channels_in: int, hidden: int, prototypes: int) -> None:
        super().__init__()
        self.cv1 = ConvUnit(channels_in, hidden, 3)
        self.upsample = nn.ConvTranspose2d(hidden, hidden, kernel_size=2, stride=2)
        self.cv2 = ConvUnit(hidden, hidden, 3)
        self.cv3 = ConvUnit(hidden, prototypes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) → (B, prototypes, 2h, 2w)."""
        drawn: Tensor = self.cv3(self.cv2(self.upsample(self.cv1(x))))
        return drawn


class DistanceExpectation(nn.Module):
    """The mean of a distribution over the distances 0, 1, ..., as many as there are bins.

    The distances are stored in the published files as the weight of a convolution, hence the key `conv.weight`.

    Args:
        bins: number of distances.

    Source: Li et al. 2020, "Generalized focal loss", section 3.2.
    """

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(bins, 1, kernel_size=1, bias=False).requires_grad_(False)
        self.conv.weight.copy_(torch.arange(bins, dtype=torch.float32).view(1, bins, 1, 1))

    def forward(self, logits: Tensor) -> Tensor:
        """(B, 4 · bins, A) → (B, 4, A), in float32: half a cell is sixteen pixels."""
        images, channels, places = logits.shape
        chances = logits.float().view(images, 4, channels // 4, places).softmax(dim=2)  # (B, 4, bins, A)
        if type(self.conv) is not nn.Conv2d or any(own_adaptations(self.conv)):
            adapted: Tensor = self.conv(chances.transpose(1, 2).to(dtype_of(self.conv)))  # (B, 1, 4, A)
            return adapted[:, 0].float()
        return (chances * self.conv.weight.float().view(-1, 1)).sum(dim=2)
