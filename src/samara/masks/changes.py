"""Where masks change along their columns, which is all that run lengths need.

A run starts or ends where a pixel differs from the one above it. That is a comparison of rows, so no mask is
transposed; only the few positions found are put into column order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

CHUNK_PIXELS = 1 << 25
"""Pixels examined at once on an accelerator: bounds the memory and the 2³¹ elements that `nonzero` can take."""


def changes(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the positions in column order where a pixel differs from the one before it; (K,) ascending."""
    height, width = mask.shape
    row, column = np.divmod(np.flatnonzero(mask[1:] != mask[:-1]), width)
    top = mask[0].copy()
    # The top of a column is preceded by the bottom of the previous one, and the first by background.
    top[1:] ^= mask[-1, :-1]
    positions = np.concatenate([column * height + row + 1, np.flatnonzero(top) * height]).astype(np.int64, copy=False)
    positions.sort()
    return positions


def changes_on_device(masks: Tensor) -> Tensor:
    """Like `changes`, for (M, H, W): positions of mask m start at m · H · W; (K,) int64 ascending."""
    # Reading and writing data sets needs this module, but should not wait for torch.
    import torch

    _, height, width = masks.shape
    pixels = height * width
    top = masks[:, 0].clone()
    top[:, 1:] ^= masks[:, -1, :-1]
    mask, column = top.nonzero(as_tuple=True)
    found = [mask * pixels + column * height]
    rows = max(1, CHUNK_PIXELS // (masks.shape[0] * width))
    for begin in range(0, height - 1, rows):
        block = masks[:, begin : begin + rows + 1]
        mask, row, column = (block[:, 1:] ^ block[:, :-1]).nonzero(as_tuple=True)
        found.append(mask * pixels + column * height + row + (begin + 1))
    return torch.cat(found).sort().values


def masks_at_a_time(height: int, width: int) -> int:
    """Return how many masks of a size should be examined at once on an accelerator."""
    return max(1, CHUNK_PIXELS // (height * width))
