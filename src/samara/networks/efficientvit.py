"""EfficientViT-SAM's image encoder: convolutions, and attention whose cost grows with the number of pixels only.

Stages of convolutional blocks halve the grid one after the other; in the coarsest ones each block lets all pixels see
each other by linear attention with ReLU as its kernel, besides a depthwise convolution that mixes neighbours. The neck
brings the outputs of the last three stages to the grid of the finest of them.

The grid is an eighth of the input for l0 to l2, trained at 512 pixels, and a sixteenth for xl0 and xl1, trained at
1024: 64 × 64 cells in either case, as SAM's mask decoder has them.

Differs from the original: the neck's grid follows the input instead of being 64 × 64 always; grids of up to 32 cells go
through the same linear form as larger ones, which is equal in exact arithmetic; attention is computed in float32 under
any autocast, where the original lets the CPU's have it.

Source: Zhang et al. 2024 (EfficientViT-SAM), section 3; Cai et al. 2023 (EfficientViT), section 3;
mit-han-lab/efficientvit `models/efficientvit/{sam,backbone}.py`, `models/nn/{ops,norm,act}.py` and `sam_model_zoo.py`
@de7d773 for key names and constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.networks.architectures import BlockKind
from samara.networks.layers import LayerNorm2d, OpList, resized
from samara.networks.plain import module_parts
from samara.networks.vit import check_divisible

NORM_EPSILON = 1e-6
"""Of every norm, those of the mask decoder's transformer included, where SAM has 1e-5."""

ATTENTION_EPSILON = 1e-15
HEAD_WIDTH = 32
DOWN_EXPANSION = 4
"""How many times the expansion of its stage a block that halves the grid has."""

LEVELS = 3
"""Stages that the neck takes, the last ones."""

_Activation = partial(nn.GELU, approximate="tanh")


class EfficientViT(nn.Module):
    """EfficientViT-SAM's image encoder; (B, 3, H, W) → (B, C, H / stride, W / stride).

    Args:
        widths: channels of the stages; each has half the grid of the one before it, the first half of the image's.
        depths: blocks of each stage, besides the one that opens it.
        kinds: of those blocks.
        expansions: hidden channels of those blocks, in relation to their width.
        attention_kernel: side of the depthwise convolution that attention at a second scale begins with.
        neck_depth: blocks of the neck.
        neck_expansion: of those.
        out_channels: C of the image embedding.

    Attributes:
        stride: pixels of the input per cell of the embedding, along each side.
    """

    def __init__(
        self,
        *,
        widths: Sequence[int],
        depths: Sequence[int],
        kinds: Sequence[BlockKind],
        expansions: Sequence[int],
        attention_kernel: int,
        neck_depth: int,
        neck_expansion: int,
        out_channels: int = 256,
    ) -> None:
        super().__init__()
        self.multiple = 2 ** len(widths)
        self.stride = 2 ** (len(widths) - LEVELS + 1)
        self.backbone = Backbone(widths, depths, kinds, expansions, attention_kernel)
        self.neck = SumNeck(widths[-LEVELS:], neck_depth, neck_expansion, out_channels)
        self.norm = LayerNorm2d(out_channels, eps=NORM_EPSILON)
        self.made_of = module_parts(self)

    def forward(self, images: Tensor) -> Tensor:
        """Encode images.

        Args:
            images: (B, 3, H, W), normalised and padded; H and W multiples of 4 strides.

        Returns:
            Image embedding, (B, C, H / stride, W / stride).

        Raises:
            ValueError: H or W is no such multiple.
        """
        check_divisible(images, self.multiple)
        embedding: Tensor = self.norm(self.neck(self.backbone(images)[-LEVELS:]))
        return embedding


class Backbone(nn.Module):
    """The stages; arguments as of `EfficientViT`."""

    def __init__(
        self,
        widths: Sequence[int],
        depths: Sequence[int],
        kinds: Sequence[BlockKind],
        expansions: Sequence[int],
        attention_kernel: int,
    ) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        for stage, (width, kind, expansion) in enumerate(zip(widths, kinds, expansions, strict=True)):
            opening = _opening(widths[stage - 1], width, kind, expansion) if stage else ConvLayer(3, width, 3, stride=2)
            blocks = [_block(width, kind, expansion, attention_kernel) for _ in range(depths[stage])]
            stages.append(OpList([opening, *blocks]))
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) → the output of each stage, (B, width, H / 2, W / 2) and so on."""
        outputs = []
        for stage in self.stages:
            x = stage(x)
            outputs.append(x)
        return outputs


def _opening(width_in: int, width: int, kind: BlockKind, expansion: int) -> nn.Module:
    """The block that halves the grid: fused in a stage of fused blocks, else mobile, and nothing is added to it."""
    block = FusedMBConv if kind == "fused" else MBConv
    return Branch(block(width_in, width, DOWN_EXPANSION * expansion, stride=2), residual=False)


def _block(width: int, kind: BlockKind, expansion: int, attention_kernel: int) -> nn.Module:
    match kind:
        case "residual":
            return Branch(ResBlock(width))
        case "fused":
            return Branch(FusedMBConv(width, width, expansion))
        case "mobile":
            return Branch(MBConv(width, width, expansion))
        case "attention":
            return EfficientViTBlock(width, expansion, attention_kernel)


class SumNeck(nn.Module):
    """Bring the last stages to one grid and one width, add them, and mix.

    Args:
        widths: of the stages, the finest first.
        depth: fused blocks after the sum.
        expansion: of those.
        channels: C.
    """

    def __init__(self, widths: Sequence[int], depth: int, expansion: int, channels: int) -> None:
        super().__init__()
        # The published order is from the coarsest stage to the finest.
        self.input_ops = nn.ModuleList(
            OpList([ConvLayer(width, channels, 1, activation=False)]) for width in reversed(widths)
        )
        self.middle = OpList([Branch(FusedMBConv(channels, channels, expansion)) for _ in range(depth)])
        self.output_ops = nn.ModuleList(
            [OpList([ConvLayer(channels, channels, 1, bias=True, norm=False, activation=False)])]
        )

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Outputs of stages, the finest (B, width, h, w) first, each of half the side → (B, C, h, w)."""
        h, w = maps[0].shape[-2:]
        coarsest, *others = (
            resized(bring(one), (h, w)) for bring, one in zip(self.input_ops, reversed(maps), strict=True)
        )
        # In the published order, on which the last bits depend.
        x = coarsest
        for other in others:
            x = x + other
        for step in (self.middle, *self.output_ops):
            x = step(x)
        return x


class Branch(nn.Module):
    """A block under the key name `main`, what it computes added to its input."""

    def __init__(self, main: nn.Module, *, residual: bool = True) -> None:
        super().__init__()
        self.main = main
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C', H', W'); the same shape where it is residual."""
        result: Tensor = self.main(x)
        return x + result if self.residual else result


class ConvLayer(nn.Sequential):
    """Convolution, batch norm, GELU; key names `conv` and `norm`. The padding keeps the grid, but for the stride."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        bias: bool = False,
        norm: bool = True,
        activation: bool = True,
    ) -> None:
        super().__init__()
        convolution = nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=bias)
        self.add_module("conv", convolution)
        if norm:
            self.add_module("norm", nn.BatchNorm2d(channels_out, eps=NORM_EPSILON))
        if activation:
            self.add_module("act", _Activation())


class ResBlock(nn.Module):
    """Two 3×3 convolutions: (B, C, H, W) → (B, C, H, W)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = ConvLayer(width, width, 3)
        self.conv2 = ConvLayer(width, width, 3, activation=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in and out."""
        output: Tensor = self.conv2(self.conv1(x))
        return output


class FusedMBConv(nn.Module):
    """A 3×3 convolution that widens, and a 1×1 one that narrows: (B, C, H, W) → (B, C', H / stride, W / stride)."""

    def __init__(self, channels_in: int, channels_out: int, expansion: int, *, stride: int = 1) -> None:
        super().__init__()
        hidden = channels_in * expansion
        self.spatial_conv = ConvLayer(channels_in, hidden, 3, stride=stride)
        self.point_conv = ConvLayer(hidden, channels_out, 1, activation=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C', H / stride, W / stride)."""
        output: Tensor = self.point_conv(self.spatial_conv(x))
        return output


class MBConv(nn.Module):
    """Widen, a depthwise 3×3 convolution, narrow; only the last has a norm, the others have biases instead."""

    def __init__(self, channels_in: int, channels_out: int, expansion: int, *, stride: int = 1) -> None:
        super().__init__()
        hidden = channels_in * expansion
        self.inverted_conv = ConvLayer(channels_in, hidden, 1, bias=True, norm=False)
        self.depth_conv = ConvLayer(hidden, hidden, 3, stride=stride, groups=hidden, bias=True, norm=False)
        self.point_conv = ConvLayer(hidden, channels_out, 1, activation=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C', H / stride, W / stride)."""
        output: Tensor = self.point_conv(self.depth_conv(self.inverted_conv(x)))
        return output


class EfficientViTBlock(nn.Module):
    """Attention over the whole grid, then a convolution of neighbours, each added to what it gets."""

    def __init__(self, width: int, expansion: int, attention_kernel: int) -> None:
        super().__init__()
        self.context_module = Branch(LinearAttention(width, attention_kernel))
        self.local_module = Branch(MBConv(width, width, expansion))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in and out."""
        output: Tensor = self.local_module(self.context_module(x))
        return output


class LinearAttention(nn.Module):
    """Attention with ReLU in the place of softmax, so that sums over pixels can be taken first, at two scales.

    Of the second scale queries, keys and values are those of the first, each mixed with its neighbours. Batch norm is
    in the output projection alone.

    Args:
        width: C, a multiple of `HEAD_WIDTH`.
        kernel: side of the neighbourhood.
    """

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        heads = width // HEAD_WIDTH
        self.qkv = ConvLayer(width, 3 * width, 1, norm=False, activation=False)
        self.aggreg = nn.ModuleList(
            [
                nn.Sequential(
                    nn.Conv2d(3 * width, 3 * width, kernel, padding=kernel // 2, groups=3 * width, bias=False),
                    nn.Conv2d(3 * width, 3 * width, 1, groups=3 * heads, bias=False),
                )
            ]
        )
        self.proj = ConvLayer(2 * width, width, 1, activation=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in and out."""
        qkv = self.qkv(x)  # of each head q, k and v in turn
        scales = torch.cat([qkv, *(aggregate(qkv) for aggregate in self.aggreg)], dim=1)  # (B, 2 · 3C, H, W)
        output: Tensor = self.proj(_attended(scales).to(qkv.dtype))
        return output


def _attended(qkv: Tensor) -> Tensor:
    """Linear attention in at least float32, also under autocast: sums over all pixels are too large for float16."""
    exact = qkv.to(torch.promote_types(qkv.dtype, torch.float32))
    # So that exporters meet no context; on "meta", where arithmetic is counted, there is none.
    if qkv.is_meta or not torch.is_autocast_enabled(qkv.device.type):
        return linear_attention(exact)
    with torch.autocast(qkv.device.type, enabled=False):
        return linear_attention(exact)


def linear_attention(qkv: Tensor) -> Tensor:
    """Let every pixel attend to all, with ReLU as the kernel.

    Args:
        qkv: (B, heads · 3 · d, H, W), of each head queries, keys and values, d = `HEAD_WIDTH`.

    Returns:
        (B, heads · d, H, W).
    """
    B, C, H, W = qkv.shape  # noqa: N806
    heads = qkv.view(B, C // (3 * HEAD_WIDTH), 3 * HEAD_WIDTH, H * W)
    q, k, v = torch.split(heads, HEAD_WIDTH, dim=2)  # each (B, heads, d, H · W)
    q, k = F.relu(q), F.relu(k)
    # A row of ones below the values sums the weights up.
    sums = F.pad(v, (0, 0, 0, 1), value=1.0) @ k.transpose(-1, -2)  # (B, heads, d + 1, d)
    weighted = sums @ q  # (B, heads, d + 1, H · W)
    return (weighted[:, :, :-1] / (weighted[:, :, -1:] + ATTENTION_EPSILON)).reshape(B, C // 3, H, W)
