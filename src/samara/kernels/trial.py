"""The smallest kernel, to see whether any runs."""

from __future__ import annotations

import torch
import triton
import triton.language as tl


@triton.jit
def _count(numbers, COUNT: tl.constexpr):
    places = tl.arange(0, COUNT)
    tl.store(numbers + places, places)


def works(device: torch.device) -> bool:
    """Compile a kernel, run it, and look at what it wrote."""
    numbers = torch.empty(16, dtype=torch.int32, device=device)
    _count[(1,)](numbers, 16)
    return numbers.tolist() == list(range(16))
