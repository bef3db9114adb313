"""SAM 2's neck: a feature pyramid in which only one level takes from the level above it.

Source: Lin et al. 2017 (feature pyramid networks); Ravi et al. 2024 (SAM 2), section 4 "Image encoder";
facebookresearch/sam2 `modeling/backbones/image_encoder.py` @2b90b9f and the four published configurations
(`fpn_top_down_levels: [2, 3]`, nearest, sum) for key names and constants. The position maps that the official neck also
makes are for the memory of videos.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class FpnNeck(nn.Module):
    """Bring the outputs of four stages to one width.

    Args:
        widths: of the stages, the finest first.
        channels: C of every level.
    """

    def __init__(self, widths: Sequence[int], channels: int = 256) -> None:
        super().__init__()
        # The published order is from the coarsest stage to the finest.
        self.convs = nn.ModuleList(
            nn.Sequential(OrderedDict(conv=nn.Conv2d(width, channels, kernel_size=1))) for width in reversed(widths)
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Levels from the outputs of the stages, both with the finest first.

        Args:
            maps: (B, width, h, w) each, every next one of half the side.

        Returns:
            (B, C, h, w) each. The last but one is the sum of its own and of the last, doubled in size.
        """
        *fine, middle, coarsest = (conv(one) for conv, one in zip(reversed(self.convs), maps, strict=True))
        doubled = F.interpolate(coarsest, scale_factor=2.0, mode="nearest")
        return [*fine, middle + doubled, coarsest]
