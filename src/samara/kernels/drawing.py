"""The last layers of a mask decoder in one kernel: from pixels after the first upscaling to the logits of masks.

PyTorch's operators write every step for every prompt: a norm over 64 channels takes it six times as long as the copy
that it comes to, and the finest pixels of a prompt take 4 MB. Here a pixel is normalised, activated, upscaled to its
four successors and reduced to one number per mask in registers; memory is read once, and the masks written.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

PIXELS = 64
"""Pixels per program."""

MIN_MASKS = 16
"""The fewest columns of a product on tensor cores; masks are filled up with zeros."""


@triton.jit
def _gelu(x):
    return 0.5 * x * (1.0 + tl.math.erf(x * 0.7071067811865476))


@triton.jit
def _draw(
    pixels,
    first_bias,
    finer,
    gain,
    shift,
    eps,
    second_weight,
    second_bias,
    finest,
    weights,
    logits,
    count,
    width,
    MASKS: tl.constexpr,
    COLUMNS: tl.constexpr,
    CHANNELS: tl.constexpr,
    DRAWN: tl.constexpr,
    PIXELS: tl.constexpr,
    HAS_MAPS: tl.constexpr,
    PRODUCTS: tl.constexpr,
):
    prompt = tl.program_id(1).to(tl.int64)
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    channel, drawn, mask = tl.arange(0, CHANNELS), tl.arange(0, DRAWN), tl.arange(0, COLUMNS)
    is_pixel = pixel[:, None] < count
    of_pixel = pixel[:, None] * CHANNELS + channel[None, :]
    dtype = pixels.dtype.element_ty

    x = tl.load(pixels + prompt * count * CHANNELS + of_pixel, mask=is_pixel, other=0.0).to(tl.float32)
    x += tl.load(first_bias + channel)[None, :].to(tl.float32)
    if HAS_MAPS:
        x += tl.load(finer + of_pixel, mask=is_pixel, other=0.0).to(tl.float32)
    x -= (tl.sum(x, 1) / CHANNELS)[:, None]
    x *= tl.rsqrt(tl.sum(x * x, 1) / CHANNELS + eps)[:, None]
    x = x * tl.load(gain + channel)[None, :].to(tl.float32) + tl.load(shift + channel)[None, :].to(tl.float32)
    x = _gelu(x).to(dtype)

    # The grid's cells have four successors each, which are the pixels here, and these four again.
    cell, successor = pixel // 4, pixel % 4
    row = cell // width * 4 + successor // 2 * 2
    column = cell % width * 4 + successor % 2 * 2
    image = (prompt * MASKS + mask)[None, :] * (count * 4)
    is_mask = mask[None, :] < MASKS
    of_masks = (prompt * MASKS + mask)[None, :] * DRAWN + drawn[:, None]
    by_mask = tl.load(weights + of_masks, mask=is_mask, other=0.0).to(dtype)
    for further in tl.static_range(4):
        of_drawn = further * DRAWN + drawn
        layer = tl.load(second_weight + of_drawn[None, :] * CHANNELS + channel[:, None])
        z = tl.dot(x, layer, input_precision=PRODUCTS) + tl.load(second_bias + of_drawn)[None, :].to(tl.float32)
        if HAS_MAPS:
            of_finest = (pixel[:, None] * 4 + further) * DRAWN + drawn[None, :]
            z += tl.load(finest + of_finest, mask=is_pixel, other=0.0).to(tl.float32)
        sums = tl.dot(_gelu(z).to(dtype), by_mask, input_precision=PRODUCTS)
        place = (row + further // 2) * (width * 4) + column + further % 2
        tl.store(logits + image + place[:, None], sums, mask=is_pixel & is_mask)


def draw_pixels(
    pixels: Tensor,
    first_bias: Tensor,
    norm: tuple[Tensor, Tensor, float],
    second: tuple[Tensor, Tensor],
    weights: Tensor,
    grid_hw: tuple[int, int],
    maps: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Draw masks from pixels after the first upscaling layer.

    Args:
        pixels: (N, h · w, 4 · C) without bias, contiguous: for each cell of the grid its four successors.
        first_bias: (C,), bias of the first layer.
        norm: gain (C,), shift (C,) and epsilon of the layer norm.
        second: weight (4 · D, C) and bias (4 · D,) of the second layer, by successor, in the dtype of the pixels.
        weights: (N, M, D), weights of the masks.
        grid_hw: (h, w).
        maps: what is added before the norm, (h · w · 4, C), and to the second layer's results, (h · w · 16, D), the
            same for each prompt; None for nothing.

    Returns:
        (N, M, 4h, 4w) float32 logits. Sums and norms are computed in float32, products in the dtype of the pixels.
    """
    gain, shift, eps = norm
    second_weight, second_bias = second
    N, M, D = weights.shape
    h, w = grid_hw
    count, channels = 4 * h * w, gain.numel()
    logits = torch.empty(N, M, 4 * h, 4 * w, dtype=torch.float32, device=pixels.device)
    finer, finest = maps if maps is not None else (pixels, pixels)
    _draw[(triton.cdiv(count, PIXELS), N)](
        pixels,
        first_bias,
        finer,
        gain,
        shift,
        eps,
        second_weight.contiguous(),
        second_bias,
        finest,
        weights.contiguous(),
        logits,
        count,
        w,
        MASKS=M,
        COLUMNS=max(MIN_MASKS, triton.next_power_of_2(M)),
        CHANNELS=channels,
        DRAWN=D,
        PIXELS=PIXELS,
        HAS_MAPS=maps is not None,
        PRODUCTS="tf32"
        if torch.backends.cuda.matmul.allow_tf32
        else "tf32x3",  # three products are as exact as float32
        num_warps=4,
    )
    return logits
