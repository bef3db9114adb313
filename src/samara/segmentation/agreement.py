"""How much the answers to one prompt disagree."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from samara.masks.mask_set import FloatArray


def lowest_answer_iou(answers: Tensor, threshold: float) -> FloatArray:
    """Compare the answers to each prompt with each other.

    Args:
        answers: (N, A, h, w) logits of A answers to each of N prompts.
        threshold: mask threshold in logits.

    Returns:
        (N,) the lowest IoU between two answers to a prompt, 1 for two empty ones.
    """
    masks = (answers > threshold).flatten(2).float()
    shared = masks @ masks.mT  # sums of fewer than 2²⁴ ones are exact
    areas = shared.diagonal(dim1=1, dim2=2)
    union = areas[:, :, None] + areas[:, None, :] - shared
    iou = torch.where(union > 0, shared / union.clamp(min=1), 1.0)
    return iou.amin((1, 2)).cpu().numpy().astype(np.float64)
