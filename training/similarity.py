"""A helper loss on the image embedding: what belongs to the same object should look alike.

The mask decoder learns from random weights slowly, because what the encoder must offer it reaches the encoder only
through its attention. This head asks for the same thing directly: every place gets a short vector, and the likeness of
all places to the clicked one is a mask. It costs next to nothing and is thrown away after training.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.finetuning.losses import LossWeights, mask_loss
from samara.finetuning.training_set import Batch

LOSS = LossWeights(focal=0, dice=1, cross_entropy=1, iou=0)


class SimilarityHead(nn.Module):
    """Embedding → short unit vectors at 1/4 → one mask per clicked place."""

    def __init__(self, embedding_channels: int = 256, vector: int = 16) -> None:
        super().__init__()
        self.vectors = nn.Sequential(nn.Conv2d(embedding_channels, vector * 16, 1), nn.PixelShuffle(4))
        self.sharpness = nn.Parameter(torch.tensor(4.0))
        self.level = nn.Parameter(torch.tensor(0.5))

    def forward(self, features: Tensor, image_of_prompt: Tensor, places_xy: Tensor) -> Tensor:
        """Logits of likeness.

        Args:
            features: (B, C, h, w).
            image_of_prompt: (N,).
            places_xy: (N, 2) int64, cells of the low-res grid.

        Returns:
            (N, 1, 4h, 4w).
        """
        vectors = F.normalize(self.vectors(features), dim=1)[image_of_prompt]  # (N, V, 4h, 4w)
        x, y = places_xy.unbind(1)
        clicked = vectors[torch.arange(len(x), device=x.device), :, y, x]  # (N, V)
        likeness = torch.einsum("nvhw,nv->nhw", vectors, clicked)
        return (self.sharpness * (likeness - self.level)).unsqueeze(1)


def similarity_loss(head: SimilarityHead, features: Tensor, batch: Batch, places_xy: Tensor) -> Tensor:
    """Mean over the objects of dice and balanced cross-entropy of the likeness."""
    logits = head(features, batch.image_of_prompt, places_xy)
    unused_iou = logits.new_zeros(logits.shape[:2])
    return mask_loss(logits, unused_iou, batch.targets, batch.valid, weights=LOSS).mask.mean()
