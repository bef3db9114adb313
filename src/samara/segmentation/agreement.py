"""How much the three answers to one prompt disagree."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from torch import Tensor

from samara.masks.mask_set import FloatArray


def lowest_answer_iou(answers: Sequence[Tensor], threshold: float) -> FloatArray | None:
    """Compare the answers to each prompt with each other.

    Args:
        answers: for each of N prompts, logits (A, h, w).
        threshold: mask threshold in logits.

    Returns:
        (N,) the lowest IoU between two answers to a prompt, 1 for two empty ones; None if a prompt has one answer.
    """
    if any(len(of_prompt) < 2 for of_prompt in answers):
        return None
    return np.array([min(_iou(a, b) for a, b in combinations(one > threshold, 2)) for one in answers], np.float64)


def _iou(a: Tensor, b: Tensor) -> float:
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0
