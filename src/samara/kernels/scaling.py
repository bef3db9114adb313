"""Products of numbers in 16 bits with a float32 scale per pixel, at the speed of memory.

PyTorch's operators convert mixed types one number at a time, which takes six times as long as a copy.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

PIXELS = 1024
"""Pixels per program."""


@triton.jit
def _scale(x, scale, step, length, rows, PIXELS: tl.constexpr):
    blocks = tl.cdiv(length, PIXELS)
    line = tl.program_id(0) // blocks
    prompt, row = (line // rows).to(tl.int64), line % rows
    pixel = tl.program_id(0) % blocks * PIXELS + tl.arange(0, PIXELS)
    is_pixel = pixel < length
    own = x + prompt * step + row * length + pixel
    factor = tl.load(scale + prompt * length + pixel, mask=is_pixel)
    tl.store(own, (tl.load(own, mask=is_pixel).to(tl.float32) * factor).to(x.dtype.element_ty), mask=is_pixel)


def scale_pixels(x: Tensor, scale: Tensor) -> None:
    """Multiply in place.

    Args:
        x: (N, R, L) in any floating dtype; a slice of contiguous rows.
        scale: (N, 1, L) float32, contiguous.
    """
    N, rows, length = x.shape
    # One axis of programs: the others hold 65,535, which many prompts of many points exceed.
    _scale[(triton.cdiv(length, PIXELS) * N * rows,)](x, scale, x.stride(0), length, rows, PIXELS=PIXELS)


@triton.jit
def _weigh(sums, products, weights, scale, squares, step, length, rows, PIXELS: tl.constexpr):
    prompt = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    is_pixel = pixel < length
    first = tl.zeros((PIXELS,), dtype=tl.float32)
    second = tl.zeros((PIXELS,), dtype=tl.float32)
    for row in range(rows):
        own = (prompt * rows + row) * length + pixel
        weight = tl.load(weights + prompt * step + row * length + pixel, mask=is_pixel, other=0.0).to(tl.float32)
        first += weight * tl.load(sums + own, mask=is_pixel, other=0.0).to(tl.float32)
        second += weight * tl.load(products + own, mask=is_pixel, other=0.0).to(tl.float32)
    factor = tl.load(scale + prompt * length + pixel, mask=is_pixel, other=0.0)
    tl.store(squares + prompt * length + pixel, 2 * factor * first + second, mask=is_pixel)


def weigh_sums(sums: Tensor, products: Tensor, weights: Tensor, scale: Tensor) -> Tensor:
    """Compute Σ weights · (2 · scale · sums + products) over the rows, in float32.

    Args:
        sums: (N, R, L), contiguous.
        products: (N, R, L), contiguous.
        weights: (N, R, L); a slice of contiguous rows.
        scale: (N, 1, L) float32, contiguous.

    Returns:
        (N, 1, L) float32.
    """
    N, rows, length = sums.shape
    squares = torch.empty(N, 1, length, dtype=torch.float32, device=sums.device)
    of_program = 256  # the fewer pixels, the more programs at once: rows come one after the other
    _weigh[(triton.cdiv(length, of_program), N)](
        sums, products, weights, scale, squares, weights.stride(0), length, rows, PIXELS=of_program
    )
    return squares
