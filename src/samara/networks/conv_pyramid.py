"""A convolutional feature pyramid as image encoder, small enough to learn from a few thousand pictures.

Five stages halve the grid; four of them are brought to the grid of 1/16, added up and mixed. What is finer than 1/16
is folded into channels by a strided convolution, because the mask decoder draws at 1/4 and has nothing else to tell
it where an edge runs.

Why not TinyViT: at equal training time the pyramid sees several times as many pictures on a processor, and
convolutions need not learn from data that neighbours belong together. `training/README.md` has the comparison.

Source: He et al. 2016 (residual blocks); Lin et al. 2017 (feature pyramid). The joining by addition at one scale and
all numbers are this project's.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from samara.networks.layers import ConvNorm, LayerNorm2d
from samara.networks.vit import check_divisible


class ConvPyramid(nn.Module):
    """Convolutional pyramid image encoder.

    Args:
        widths: channels at 1/2, 1/4, 1/8, 1/16 and 1/32.
        depths: residual blocks at 1/4, 1/8, 1/16 and 1/32.
        joined_width: channels of the grid at 1/16 where the scales are added up.
        out_channels: C of the image embedding.
    """

    def __init__(
        self, *, widths: Sequence[int], depths: Sequence[int], joined_width: int, out_channels: int = 256
    ) -> None:
        super().__init__()
        self.stem = ConvNorm(3, widths[0], 3, stride=2)
        self.stages = nn.ModuleList(
            nn.Sequential(
                ConvNorm(narrow, wide, 3, stride=2), nn.ReLU(inplace=True), *(ResidualBlock(wide) for _ in range(depth))
            )
            for (narrow, wide), depth in zip(pairwise(widths), depths, strict=True)
        )
        self.to_joined = nn.ModuleList(
            ConvNorm(width, joined_width, fold, stride=fold)
            for width, fold in zip(widths[1:], (4, 2, 1, 1), strict=True)
        )
        self.mix = ResidualBlock(joined_width)
        self.neck = nn.Sequential(nn.Conv2d(joined_width, out_channels, 1, bias=False), LayerNorm2d(out_channels))

    def forward(self, images: Tensor) -> Tensor:
        """Encode images.

        Args:
            images: (B, 3, H, W), normalised, H and W multiples of 16.

        Returns:
            Image embedding, (B, C, h, w) with h = H / 16, w = W / 16.

        Raises:
            ValueError: H or W is not a multiple of 16.
        """
        check_divisible(images, 16)
        grid_hw = (images.shape[-2] // 16, images.shape[-1] // 16)
        x = F.relu(self.stem(images))  # (B, C, H / 2, W / 2)
        parts = []
        for stage, to_joined in zip(self.stages, self.to_joined, strict=True):
            x = stage(x)
            part = to_joined(x)
            if part.shape[-2:] != grid_hw:  # the coarsest, at 1/32
                part = F.interpolate(part, grid_hw, mode="bilinear", align_corners=False)
            parts.append(part)
        embedding: Tensor = self.neck(self.mix(F.relu(sum(parts[1:], start=parts[0]))))
        return embedding


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = ConvNorm(width, width, 3)
        self.second = ConvNorm(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in and out."""
        return F.relu(x + self.second(F.relu(self.first(x))))
