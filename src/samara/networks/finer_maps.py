"""Feature maps finer than the embedding grid, carried behind the image embedding's own channels.

SAM 2's decoder also sees two maps of its encoder that are two and four times as fine as the embedding. Each cell of the
embedding grid takes its block of a finer map along as further channels, (V, s·h, s·w) → (V · s², h, w), which loses
nothing and reorders only. So an encoder of several maps gives one tensor, like one with early features
(`samara.networks.early_features`), and whatever carries an image embedding about (engines, caches, files, batches,
gradients) carries them with it and need not know. This module is the only place that knows the order.

Source: Ravi et al. 2024 (SAM 2), section 4 "Mask decoder": the encoder's features of stride 4 and 8 are added while the
masks are upsampled.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from samara.networks.architectures import FinerMap


def pack(embedding: Tensor, maps: Sequence[Tensor]) -> Tensor:
    """Put finer maps behind an image embedding.

    Args:
        embedding: (B, C, h, w).
        maps: each (B, V, s·h, s·w) with its own V and s.

    Returns:
        (B, C + the sum of all V · s², h, w).
    """
    w = embedding.shape[-1]
    return torch.cat([embedding, *(F.pixel_unshuffle(one, one.shape[-1] // w) for one in maps)], dim=1)


def unpack(features: Tensor, maps: Sequence[FinerMap]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Take finer maps off an image embedding.

    Args:
        features: from `pack`.
        maps: what the maps are, in their order there.

    Returns:
        embedding: (B, C, h, w), a view.
        maps: each (B, V, s·h, s·w).

    Raises:
        ValueError: there are no channels but those of the maps, or fewer.
    """
    channels = [one.packed_channels for one in maps]
    own = features.shape[1] - sum(channels)
    if own < 1:
        raise ValueError(
            f"an image embedding of {features.shape[1]} channels holds no {sum(channels)} channels of finer maps "
            "besides its own; was it made by an encoder that does not give them?"
        )
    embedding, *packed = torch.split(features, [own, *channels], dim=1)
    return embedding, tuple(F.pixel_shuffle(one, kind.scale) for one, kind in zip(packed, maps, strict=True))
