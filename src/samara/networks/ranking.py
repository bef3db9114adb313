"""What the best of several masks is the best by, see `variant.Ranking`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from samara.networks.variant import Ranking

STABILITY_OFFSET = 1.0
"""Logits by which the mask threshold is moved up and down for the score of a decoder that ranks by stability."""


def worth_drawing(ranks_by: Ranking, predicted_iou: Tensor, threshold: float) -> Tensor:
    """Return which prompts can have a mask whose score is above a threshold, as far as is known before drawing.

    Args:
        ranks_by: what masks are ranked by.
        predicted_iou: (N, M).
        threshold: see `scores`.

    Returns:
        (N,) bool; all of them if scores depend on the masks.
    """
    if ranks_by == "stability":
        return torch.ones_like(predicted_iou[:, 0], dtype=torch.bool)
    return (predicted_iou.float() > threshold).any(dim=1)


def scores(ranks_by: Ranking, logits: Tensor, predicted_iou: Tensor) -> Tensor:
    """Return what masks are ranked and filtered by, and users get as predicted IoU.

    Args:
        ranks_by: what masks are ranked by.
        logits: (N, M, 4h, 4w).
        predicted_iou: (N, M).

    Returns:
        (N, M): the predicted IoU, or for a decoder whose estimate was not trained the stability of the logits.
    """
    if ranks_by == "stability":
        return stability(logits, 0.0, STABILITY_OFFSET).to(predicted_iou.dtype)
    return predicted_iou


def scores_of(decoder: nn.Module, logits: Tensor, predicted_iou: Tensor) -> Tensor:
    """Return `MaskDecoder.scores_of`, of whatever is in a mask decoder's place: a foreign one's own estimate."""
    own: object = getattr(decoder, "scores_of", None)
    return own(logits, predicted_iou) if callable(own) else predicted_iou


def stability(logits: Tensor, mask_threshold: float, offset: float) -> Tensor:
    """Compute each mask's IoU at a higher and a lower threshold, (..., H, W) logits → (...); 0 for an empty mask.

    Tensor operations only, because exporters trace it.
    """
    high, low = ((logits > mask_threshold + shift).sum((-2, -1), dtype=torch.int64) for shift in (offset, -offset))
    return high / low.clamp(min=1)
