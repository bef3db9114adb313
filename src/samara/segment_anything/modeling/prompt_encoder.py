"""The official `modeling.prompt_encoder`, based on samara's prompt encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.networks import prompt_encoder
from samara.networks.layers import LayerNorm2d
from samara.networks.prompt_encoder import BACKGROUND, FOREGROUND, PADDING, embed_labels

__all__ = ["LayerNorm2d", "PositionEmbeddingRandom", "PromptEncoder"]


class PromptEncoder(prompt_encoder.PromptEncoder):
    """Prompt encoder with the official constructor, see `samara.networks.prompt_encoder`."""

    known_labels: tuple[int, ...] = (BACKGROUND, FOREGROUND)
    """Labels of points that the network learnt something about."""

    def __init__(  # the official order
        self,
        embed_dim: int,
        image_embedding_size: tuple[int, int],
        input_image_size: tuple[int, int],
        mask_in_chans: int,
        activation: Callable[[], nn.Module] = nn.GELU,
    ) -> None:
        super().__init__(
            embed_dim=embed_dim,
            input_image_size=input_image_size,
            image_embedding_size=image_embedding_size,
            mask_in_chans=mask_in_chans,
            activation=activation,
        )
        self.pe_layer = PositionEmbeddingRandom(embed_dim // 2)

    @property
    def mask_input_size(self) -> tuple[int, int]:
        """(4h, 4w), the size of a mask input."""
        h, w = self.image_embedding_size
        return 4 * h, 4 * w

    def _embed_points(
        self, points: Tensor, labels: Tensor, pad: bool, size_hw: tuple[int, int] | None = None
    ) -> Tensor:
        """Embed points; labels other than 1, 0 and −1 yield only the position, as in the official code."""
        if pad:
            points = F.pad(points, (0, 0, 0, 1))
            labels = F.pad(labels, (0, 1), value=PADDING)
        positions = self.pe_layer.encode(points + 0.5, size_hw or self.input_image_size)
        learned = {
            PADDING: self.not_a_point_embed,
            **{label: self.point_embeddings[label] for label in self.known_labels},
        }
        weights: dict[int, Any] = {label: one.weight for label, one in learned.items()}  # Any: also of wrappers
        return embed_labels(positions, labels, weights)

    def _get_device(self) -> torch.device:
        return self.no_mask_embed.weight.device


class PositionEmbeddingRandom(prompt_encoder.RandomPositions):
    """Random Fourier features of positions.

    Args:
        num_pos_feats: frequencies; the encoding has twice as many channels.
        scale: standard deviation of the frequencies; 1 for None and for values of at most 0.
    """

    def __init__(self, num_pos_feats: int = 64, scale: float | None = None) -> None:
        super().__init__(num_pos_feats)
        if scale is not None and scale > 0:
            self.positional_encoding_gaussian_matrix *= scale

    def _pe_encoding(self, coords: Tensor) -> Tensor:
        """Encode positions in the unit square, (..., 2) → (..., C)."""
        return self.encode(coords, (1, 1))

    def forward_with_coords(self, coords_input: Tensor, image_size: tuple[int, int]) -> Tensor:
        """Encode (x, y) in pixels of an image of (H, W), (..., 2) → (..., C)."""
        return self.encode(coords_input, image_size)
