"""Prompts in batches of a few fixed sizes, so that a GPU meets the same shapes again and again.

Every new shape costs: cuDNN looks for an algorithm, the allocator for memory, and a recording fits one shape alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from samara.engines.engine import InputPrompts

SIZES = (1, 8, 64)
"""Prompts of a batch. A smaller one is filled with copies of its last prompt, whose masks are dropped."""

BYTES_PER_CELL = 5_200
"""Peak memory that a prompt takes per cell of the embedding, in float32.

64 clicks at 64 × 64 cells took 1.35 GB above the weights on an H100; the form that shares the image takes less.
"""

SHARE_OF_FREE_MEMORY = 0.5
"""How much of the free memory a batch may take; the rest is for recordings and for the caller's masks."""


def fixed_size(count: int) -> int:
    """Return the size of the batch for a number of prompts, at most the largest of `SIZES`."""
    return next(size for size in SIZES if size >= count)


def largest_size(free_bytes: int, cells: int) -> int:
    """Return the largest size whose batch fits into memory; the smallest if none does.

    Args:
        free_bytes: free memory of the device.
        cells: cells of the embedding, h · w.
    """
    usable = SHARE_OF_FREE_MEMORY * free_bytes
    return max((size for size in SIZES if size * cells * BYTES_PER_CELL <= usable), default=SIZES[0])


def free_memory(device: torch.device) -> int:
    """Return the bytes that PyTorch can allocate on a CUDA device, with what it keeps for reuse."""
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def filled(prompts: InputPrompts, size: int) -> InputPrompts:
    """Return as many prompts as the size says, further ones being copies of the last."""
    return prompts if len(prompts) == size else prompts[filled_indices(len(prompts), size, prompts.image_of_prompt)]


def filled_indices(count: int, size: int, like: Tensor) -> Tensor:
    """Return 0 .. count − 1, then the last again until there are `size`, on the device of a tensor."""
    return torch.arange(size, device=like.device).clamp(max=count - 1)
