"""Stability score: how little a mask changes when its threshold is shifted.

Source: Kirillov et al. 2023, section 5 "Making masks stable"; segment-anything `utils/amg.py` @dca509f.
"""

from __future__ import annotations

import torch
from torch import Tensor

from samara.errors import SettingsError

# Number of logits compared at once: small enough for a CPU's caches, large enough to keep other devices busy.
_CHUNK_CPU = 1 << 20
_CHUNK_ELSEWHERE = 1 << 26


def stability_score(logits: Tensor, mask_threshold: float, offset: float) -> Tensor:
    """Compare each mask at a higher threshold with the same mask at a lower one.

    The higher threshold's mask is contained in the lower one's, so their IoU is a ratio of two areas.
    Differs from Meta: counts are 64-bit (16-bit row sums overflow beyond 32,767 columns), and an empty mask
    scores 0 instead of NaN.

    Args:
        logits: (M, H, W), any floating dtype, any device; M may be 0.
        mask_threshold: logits above it are foreground.
        offset: shift of the threshold up and down, in logits; at least 0.

    Returns:
        (M,) float32 on the same device, in [0, 1].

    Raises:
        SettingsError: the logits do not have three dimensions, or the offset is negative or not a number.
    """
    if logits.ndim != 3:
        raise SettingsError(f"Logits must be a tensor (M, H, W), not {tuple(logits.shape)}.")
    if not offset >= 0:
        raise SettingsError(f"The stability offset must be 0 or more, not {offset}.")
    high = _count_above(logits, mask_threshold + offset)
    low = _count_above(logits, mask_threshold - offset)
    return stability_of_areas(high, low)


def stability_of_areas(high: Tensor, low: Tensor) -> Tensor:
    """Return the score of areas above the higher and above the lower threshold, (M,) integers → (M,) float32."""
    return high.to(torch.float32) / low.clamp(min=1).to(torch.float32)


def _count_above(logits: Tensor, threshold: float) -> Tensor:
    """Count the logits above a threshold, (M, H, W) → (M,) int64, without a boolean copy of all of them."""
    if logits.device.type == "cpu":
        return _count_above_one_by_one(logits, threshold)
    return _count_above_in_groups(logits, threshold)  # pragma: no cover - needs an accelerator


def _count_above_one_by_one(logits: Tensor, threshold: float) -> Tensor:
    # PyTorch counts a whole tensor on the CPU twenty times faster than along some of its dimensions.
    count = torch.zeros(logits.shape[0], dtype=torch.int64)
    rows = max(1, _CHUNK_CPU // max(1, logits.shape[2]))
    for index, mask in enumerate(logits):
        blocks = (mask[begin : begin + rows] for begin in range(0, mask.shape[0], rows))
        count[index] = sum(int(torch.count_nonzero(block > threshold)) for block in blocks)
    return count


def _count_above_in_groups(logits: Tensor, threshold: float) -> Tensor:
    count = torch.zeros(logits.shape[0], dtype=torch.int64, device=logits.device)
    masks = max(1, _CHUNK_ELSEWHERE // max(1, logits.shape[1] * logits.shape[2]))
    rows = max(1, _CHUNK_ELSEWHERE // max(1, logits.shape[2]))
    for first in range(0, logits.shape[0], masks):
        group, total = logits[first : first + masks], count[first : first + masks]
        for begin in range(0, group.shape[1], rows):
            total += (group[:, begin : begin + rows] > threshold).sum((1, 2))
    return count
