"""The official `modeling.position_encoding`: positions of points, and of the cells of a feature map.

Source of the sines: Vaswani et al. 2017, in two dimensions; facebookresearch/sam2 `modeling/position_encoding.py`
@2b90b9f for constants.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from samara.errors import SettingsError
from samara.segment_anything.modeling.prompt_encoder import PositionEmbeddingRandom

__all__ = ["PositionEmbeddingRandom", "PositionEmbeddingSine"]

_EPSILON = 1e-6


class PositionEmbeddingSine(nn.Module):
    """Sines and cosines of a cell's row, then of its column; only videos need them.

    Args:
        num_pos_feats: C, even.
        temperature: wavelengths grow up to so many times the shortest.
        normalize: whether rows and columns are counted as parts of the whole.
        scale: what the whole is then; None for a full turn.

    Raises:
        SettingsError: an odd number of channels, or a scale that nothing is counted by.
    """

    def __init__(
        self, num_pos_feats: int, temperature: int = 10000, normalize: bool = True, scale: float | None = None
    ) -> None:
        super().__init__()
        if num_pos_feats % 2:
            raise SettingsError(f"num_pos_feats is {num_pos_feats}; half of it is for rows, so it must be even")
        if scale is not None and not normalize:
            raise SettingsError("scale is for normalised positions only; set normalize=True or leave it out")
        self.num_pos_feats = num_pos_feats // 2
        self.temperature = temperature
        self.normalize = normalize
        self.scale = 2 * math.pi if scale is None else scale

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        """Positions of the cells of a map (B, any, h, w): (B, C, h, w) float32, a view of one map."""
        h, w = x.shape[-2:]
        rows = self._axis(h, x.device).T[:, :, None].expand(-1, h, w)
        columns = self._axis(w, x.device).T[:, None, :].expand(-1, h, w)
        return torch.cat([rows, columns]).expand(len(x), -1, -1, -1)

    def _axis(self, length: int, device: torch.device) -> Tensor:
        """(length, C / 2), sines and cosines by turns."""
        places = torch.arange(1, length + 1, dtype=torch.float32, device=device)
        if self.normalize:
            places = places / (places[-1] + _EPSILON) * self.scale
        channel = torch.arange(self.num_pos_feats, dtype=torch.float32, device=device)
        phases = places[:, None] / self.temperature ** (2 * (channel // 2) / self.num_pos_feats)
        return torch.stack([phases[:, 0::2].sin(), phases[:, 1::2].cos()], dim=2).flatten(1)
