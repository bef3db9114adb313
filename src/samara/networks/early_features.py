"""Early features: what an early block of an image encoder saw, carried behind the image embedding's own channels.

HQ-SAM draws finer masks because its decoder also sees the grid as it left an early block, before meaning displaced
detail. Both lie on the same grid, so an encoder that gives them gives one tensor, (B, C + V, h, w): first the C
channels of the neck, then the V channels of the block. Whatever carries an image embedding about (engines, caches,
files) carries them with it and need not know. This module is the only place that knows the order.

Source: Ke et al. 2023 (HQ-SAM), section 3.2 "Global-local fusion".
"""

from __future__ import annotations

import torch
from torch import Tensor


def join_early(embedding: Tensor, early: Tensor) -> Tensor:
    """Put early features behind an image embedding: (B, C, h, w) and (B, V, h, w) → (B, C + V, h, w)."""
    return torch.cat([embedding, early], dim=1)


def split_early(features: Tensor, early_channels: int) -> tuple[Tensor, Tensor]:
    """Take early features off an image embedding; both parts are views.

    Args:
        features: (B, C + V, h, w).
        early_channels: V, at least 1.

    Returns:
        embedding: (B, C, h, w).
        early: (B, V, h, w).

    Raises:
        ValueError: there are no channels but V, or fewer.
    """
    channels = features.shape[1] - early_channels
    if channels < 1:
        raise ValueError(
            f"an image embedding of {features.shape[1]} channels holds no {early_channels} channels of early features "
            "besides its own; was it made by an encoder that does not give them?"
        )
    return features[:, :channels], features[:, channels:]
