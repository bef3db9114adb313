"""The image encoders of EdgeSAM and RepViT-SAM: RepViT, a convolutional network with the layout of a transformer block.

Every block mixes neighbours first (a depthwise convolution in several branches, then squeeze-and-excite in every other
block) and channels afterwards (two 1×1 convolutions). Stages of blocks follow one another; the first block of a stage
widens and may halve the grid.

The two families differ in three ways, which are arguments: where the norms of the branches are; whether the last stage
halves the grid, to 1/32 of the input, in which case it is enlarged again and added to the stage before it; and width
and depth. Files of either may be re-parameterised: each convolution, or sum of branches, and its norms are then one
convolution with a bias, which computes the same.

Source: Wang et al. 2024 (RepViT) and 2023 (RepViT-SAM); Zhou et al. 2023 (EdgeSAM); THU-MIG/RepViT `sam/` @298f420 and
chongzhou96/EdgeSAM @b53372c for key names and constants.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from samara.networks.architectures import Branches
from samara.networks.folding import bias_of, fold, identity_kernel, with_weights
from samara.networks.layers import ConvNorm, Neck, OpList, resized
from samara.networks.plain import module_parts
from samara.networks.vit import check_divisible

STEM_STRIDE = 4
SQUEEZE = 4
"""How many times narrower squeeze-and-excite is inside; rounded to a multiple of `SQUEEZED_MULTIPLE`."""
SQUEEZED_MULTIPLE = 8


class RepViT(nn.Module):
    """RepViT image encoder; (B, 3, H, W) → (B, C, H / 16, W / 16).

    Args:
        widths: channels of the stages.
        depths: blocks of the stages, including the first of each, which widens.
        strides: of the first block of each stage, 1 or 2; the first stage has the stem's grid.
        branches: where the norms of a block's branches are.
        reparameterised: build single convolutions in the place of convolutions or branches and their norms.
        out_channels: C of the image embedding.
    """

    folding_pays = True
    """See `folding`."""

    def __init__(
        self,
        *,
        widths: Sequence[int],
        depths: Sequence[int],
        strides: Sequence[int],
        branches: Branches,
        reparameterised: bool = False,
        out_channels: int = 256,
    ) -> None:
        super().__init__()
        self.features = nn.ModuleList(_features(_Builder(branches, reparameterised), widths, depths, strides))
        self.finer_end = sum(depths[:-1])
        self.multiple = STEM_STRIDE * math.prod(strides)
        self.fuses = strides[-1] == 2
        if self.fuses:
            self.fuse_stage2 = nn.Conv2d(widths[-2], out_channels, 1, bias=False)
            self.fuse_stage3 = OpList([nn.Conv2d(widths[-1], out_channels, 1, bias=False)])
        self.neck = Neck(out_channels if self.fuses else widths[-1], out_channels)
        self.made_of = module_parts(self)

    def forward(self, images: Tensor) -> Tensor:
        """Encode images.

        Args:
            images: (B, 3, H, W), normalised and padded; H and W multiples of 16, or of 32 with a stage of that stride.

        Returns:
            Image embedding, (B, C, H / 16, W / 16).

        Raises:
            ValueError: H or W is no such multiple.
        """
        check_divisible(images, self.multiple)
        x = finer = images
        for index, block in enumerate(self.features):
            x = block(x)
            if index == self.finer_end:
                finer = x
        embedding: Tensor = self.neck(self._fused(finer, x) if self.fuses else x)
        return embedding

    def _fused(self, finer: Tensor, coarser: Tensor) -> Tensor:
        """Add the last stage (B, D', H / 32, W / 32) to the one before it (B, D, H / 16, W / 16): (B, C, ...)."""
        x: Tensor = self.fuse_stage2(finer)
        h, w = x.shape[-2:]
        return x + resized(self.fuse_stage3(coarser), (h, w))


def _features(
    build: _Builder, widths: Sequence[int], depths: Sequence[int], strides: Sequence[int]
) -> Iterator[nn.Module]:
    """Build the stem and all blocks, in the published order."""
    yield build.stem(widths[0])
    inputs = widths[0]
    for stage, (width, depth, stride) in enumerate(zip(widths, depths, strides, strict=True)):
        for position in range(depth):
            if stage and not position:
                yield build.opening(inputs, width, stride)
            else:
                yield build.block(width, excites=is_squeezed(stage, position, depth))
        inputs = width


def is_squeezed(stage: int, position: int, depth: int) -> bool:
    """Whether a block has squeeze-and-excite: every other one of a stage, never its opening block nor its last."""
    return position % 2 == min(stage, 1) and position + 1 < depth


class _Builder:
    """Builds the parts of a RepViT in one of its forms; arguments as of `RepViT`."""

    def __init__(self, branches: Branches, reparameterised: bool) -> None:
        self.branches, self.reparameterised = branches, reparameterised

    def convolution(
        self, channels_in: int, channels_out: int, kernel: int = 1, *, stride: int = 1, groups: int = 1
    ) -> nn.Module:
        """A convolution with its norm."""
        if self.reparameterised:
            return nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, groups=groups)
        return ConvNorm(channels_in, channels_out, kernel, stride=stride, groups=groups)

    def stem(self, width: int) -> nn.Module:
        """Two strided convolutions: (B, 3, H, W) → (B, C, H / 4, W / 4)."""
        first = self.convolution(3, width // 2, 3, stride=2)
        return nn.Sequential(first, nn.GELU(), self.convolution(width // 2, width, 3, stride=2))

    def block(self, width: int, *, excites: bool) -> nn.Module:
        """A block inside a stage."""
        merged = self.reparameterised
        mixer = self.convolution(width, width, 3, groups=width) if merged else _MIXERS[self.branches](width)
        return Block([mixer, _excitation(width, excites=excites)], self.channels(width))

    def opening(self, width_in: int, width: int, stride: int) -> nn.Module:
        """The first block of a stage, which widens."""
        depthwise = self.convolution(width_in, width_in, 3, stride=stride, groups=width_in)
        steps = [depthwise, _excitation(width_in, excites=False), self.convolution(width_in, width)]
        return Block(steps, self.channels(width))

    def channels(self, width: int) -> nn.Module:
        """The mixing of channels."""
        return ChannelMixer(
            nn.Sequential(self.convolution(width, 2 * width), nn.GELU(), self.convolution(2 * width, width))
        )


class Block(nn.Module):
    """Mix neighbours, then channels; key names `token_mixer` and `channel_mixer`."""

    def __init__(self, token_steps: Sequence[nn.Module], channel_mixer: nn.Module) -> None:
        super().__init__()
        self.token_mixer = nn.Sequential(*token_steps)
        self.channel_mixer = channel_mixer

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C', H', W')."""
        output: Tensor = self.channel_mixer(self.token_mixer(x))
        return output


class ChannelMixer(nn.Module):
    """A feed-forward part with a residual; key name `m`."""

    def __init__(self, m: nn.Module) -> None:
        super().__init__()
        self.m = m

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in and out."""
        output: Tensor = x + self.m(x)
        return output


class SqueezeExcite(nn.Module):
    """Scale channels by what the mean of all pixels says of them; key names `fc1` and `fc2`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        squeezed = squeezed_width(width)
        self.fc1 = nn.Conv2d(width, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in and out."""
        scale: Tensor = self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True))))
        return x * scale.sigmoid()


def squeezed_width(width: int) -> int:
    """Inner width of squeeze-and-excite: the nearest multiple of 8 to a quarter, upwards from the middle."""
    half = SQUEEZED_MULTIPLE // 2
    nearest = int(width / SQUEEZE + half) // SQUEEZED_MULTIPLE * SQUEEZED_MULTIPLE
    return max(SQUEEZED_MULTIPLE, nearest)


def _excitation(width: int, *, excites: bool) -> nn.Module:
    return SqueezeExcite(width) if excites else nn.Identity()


class NormedBranches(nn.Module):
    """EdgeSAM's mixing of neighbours: two depthwise convolutions, each with its norm, and the input, added.

    Key names `conv` (3×3) and `conv1` (1×1).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = ConvNorm(width, width, 3, groups=width)
        self.conv1 = ConvNorm(width, width, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in and out."""
        output: Tensor = self.conv(x) + self.conv1(x) + x
        return output

    def as_convolution(self) -> nn.Conv2d:
        """Return one depthwise convolution that computes the same in eval mode, see `folding`."""
        wide, narrow = fold(self.conv.c, self.conv.bn), fold(self.conv1.c, self.conv1.bn)
        return _joined(wide, narrow)


class NormedSum(nn.Module):
    """RepViT-SAM's mixing of neighbours: a normed 3×3 depthwise convolution, a 1×1 one and the input, added and normed.

    Key names `conv` (3×3), `conv1` (1×1, with a bias) and `bn`.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = ConvNorm(width, width, 3, groups=width)
        self.conv1 = nn.Conv2d(width, width, 1, groups=width)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in and out."""
        output: Tensor = self.bn(self.conv(x) + self.conv1(x) + x)
        return output

    def as_convolution(self) -> nn.Conv2d:
        """Return one depthwise convolution that computes the same in eval mode, see `folding`."""
        return fold(_joined(fold(self.conv.c, self.conv.bn), self.conv1), self.bn)


_MIXERS = {"normed": NormedBranches, "normed sum": NormedSum}


def _joined(wide: nn.Conv2d, narrow: nn.Conv2d) -> nn.Conv2d:
    """One 3×3 depthwise convolution for the sum of a 3×3 one, a 1×1 one and the input."""
    weight = wide.weight + F.pad(narrow.weight, (1, 1, 1, 1)) + identity_kernel(wide)
    return with_weights(wide, weight, bias_of(wide) + bias_of(narrow))
