"""What each pixel of an axis is a weighted mean of."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Taps:
    """Pixels of an axis as means of consecutive low-res positions.

    Attributes:
        first: (P,) int32, first low-res position of each pixel; ascending.
        weights: (P, K) float32, not negative: weights of that position and the K − 1 after it; zero where it ends.
    """

    first: Tensor
    weights: Tensor
