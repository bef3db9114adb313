"""Early features: the output of an early block of an image encoder, stored after the image embedding's own channels.

HQ-SAM's masks are finer because its decoder also sees the output of an early block, before semantics replace detail.
Both have the same grid, so the encoder returns one tensor, (B, C + V, h, w): first the C channels of the neck, then the
V channels of the block. Everything that handles image embeddings (engines, caches, files) handles them transparently.
Only this module knows the order.

Source: Ke et al. 2023 (HQ-SAM), section 3.2 "Global-local fusion".
"""

from __future__ import annotations

import torch
from torch import Tensor


def join_early(embedding: Tensor, early: Tensor) -> Tensor:
    """Append early features to an image embedding: (B, C, h, w) and (B, V, h, w) → (B, C + V, h, w)."""
    return torch.cat([embedding, early], dim=1)


def split_early(features: Tensor, early_channels: int) -> tuple[Tensor, Tensor]:
    """Split early features off an image embedding; both parts are views.

    Args:
        features: (B, C + V, h, w).
        early_channels: V, at least 1.

    Returns:
        embedding: (B, C, h, w).
        early: (B, V, h, w).

    Raises:
        ValueError: there are no more than V channels.
    """
    channels = features.shape[1] - early_channels
    if channels < 1:
        raise ValueError(
            f"an image embedding of {features.shape[1]} channels does not contain {early_channels} channels of early "
            "features; use the embedding of an encoder that returns them"
        )
    return features[:, :channels], features[:, channels:]
