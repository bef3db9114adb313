"""The official `modeling.backbones.image_encoder`: trunk and neck joined, with the levels as a dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from samara.networks import fpn_neck
from samara.sam2.modeling.position_encoding import PositionEmbeddingSine


class FpnNeck(fpn_neck.FpnNeck):
    """Bring the outputs of the trunk to one width; the constructor's arguments are samara's."""

    @property
    def d_model(self) -> int:
        """Channels of every level."""
        channels: int = self.convs[0].conv.out_channels  # type: ignore[assignment, union-attr]  # a convolution
        return channels

    @property
    def backbone_channel_list(self) -> list[int]:
        """Widths of the trunk's outputs, the coarsest first."""
        return [conv.conv.in_channels for conv in self.convs]  # type: ignore[misc, union-attr]  # convolutions

    @property
    def position_encoding(self) -> PositionEmbeddingSine:
        """What makes the positions that videos need."""
        return PositionEmbeddingSine(self.d_model)

    def forward(self, xs: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:  # type: ignore[override]
        """Levels (B, C, h, w), the finest first, and as many maps of positions, also (B, C, h, w)."""
        levels = super().forward(xs)
        encode = self.position_encoding
        return levels, [encode(level).to(level.dtype) for level in levels]


class ImageEncoder(nn.Module):
    """Encode images into levels of features.

    Args:
        trunk: (B, 3, S, S) → the outputs of its stages.
        neck: those → levels and positions.
        scalp: how many of the coarsest levels are left out.
    """

    def __init__(self, trunk: nn.Module, neck: nn.Module, scalp: int = 0) -> None:
        super().__init__()
        self.trunk = trunk
        self.neck = neck
        self.scalp = scalp

    def forward(self, sample: Tensor) -> dict[str, Any]:
        """Encode (B, 3, S, S), squashed and normalised.

        Returns:
            "backbone_fpn": levels (B, C, h, w), the finest first. "vision_features": the last of them.
            "vision_pos_enc": positions of each.
        """
        levels, positions = self.neck(self.trunk(sample))
        count = len(levels) - self.scalp
        return {
            "vision_features": levels[count - 1],
            "vision_pos_enc": list(positions[:count]),
            "backbone_fpn": list(levels[:count]),
        }
