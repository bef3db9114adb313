"""Feature maps finer than the embedding grid, carried behind the image embedding's own channels.

SAM 2's decoder also sees two maps of its encoder that are two and four times as fine as the embedding. Each cell of the
embedding grid stores its block of a finer map as additional channels, (V, s·h, s·w) → (V · s², h, w), which only
reorders. So an encoder with several maps returns one tensor, like one with early features
(`samara.networks.early_features`), and everything that handles image embeddings (engines, caches, files, batches,
gradients) handles them transparently. Only this module knows the order.

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
    """Append finer maps to an image embedding.

    Args:
        embedding: (B, C, h, w).
        maps: each (B, V, s·h, s·w) with its own V and s.

    Returns:
        (B, C + the sum of all V · s², h, w).
    """
    w = embedding.shape[-1]
    return torch.cat([embedding, *(F.pixel_unshuffle(one, one.shape[-1] // w) for one in maps)], dim=1)


def unpack(features: Tensor, maps: Sequence[FinerMap]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Split finer maps off an image embedding.

    Args:
        features: result of `pack`.
        maps: descriptions of the maps, in the order packed.

    Returns:
        embedding: (B, C, h, w), a view.
        maps: each (B, V, s·h, s·w).

    Raises:
        ValueError: there are no channels besides those of the maps.
    """
    channels = [one.packed_channels for one in maps]
    own = features.shape[1] - sum(channels)
    if own < 1:
        raise ValueError(
            f"an image embedding of {features.shape[1]} channels does not contain {sum(channels)} channels of finer "
            "maps; use the embedding of an encoder that returns them"
        )
    embedding, *packed = torch.split(features, [own, *channels], dim=1)
    return embedding, tuple(F.pixel_shuffle(one, kind.scale) for one, kind in zip(packed, maps, strict=True))
