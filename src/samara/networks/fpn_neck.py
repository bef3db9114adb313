"""SAM 2's neck: a feature pyramid in which only one level adds the level above it.

Source: Lin et al. 2017 (feature pyramid networks); Ravi et al. 2024 (SAM 2), section 4 "Image encoder";
facebookresearch/sam2 `modeling/backbones/image_encoder.py` @2b90b9f and the four published configurations
(`fpn_top_down_levels: [2, 3]`, nearest, sum) for key names and constants. The official neck's position maps are only
for the video memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class FpnNeck(nn.Module):
    """Project the outputs of four stages to one width.

    Args:
        widths: widths of the stages, the finest first.
        channels: C of every level.
    """

    def __init__(self, widths: Sequence[int], channels: int = 256) -> None:
        super().__init__()
        # The published order is from the coarsest stage to the finest.
        self.convs = nn.ModuleList(
            nn.Sequential(OrderedDict(conv=nn.Conv2d(width, channels, kernel_size=1))) for width in reversed(widths)
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Compute levels from the outputs of the stages, both with the finest first.

        Args:
            maps: (B, width, h, w) each, each with half the side of the previous one.

        Returns:
            (B, C, h, w) each. The second to last adds the last one, upsampled by two.
        """
        *fine, middle, coarsest = (conv(one) for conv, one in zip(reversed(self.convs), maps, strict=True))
        doubled = F.interpolate(coarsest, scale_factor=2.0, mode="nearest")
        return [*fine, middle + doubled, coarsest]
