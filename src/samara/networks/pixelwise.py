"""Upscaling by transposed convolutions as work on single pixels: linear layers, norms, and putting pixels in order."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from samara.networks.layers import LayerNorm2d


def normalise_pixels(norm: LayerNorm2d | nn.GroupNorm, images: Tensor) -> Tensor:
    """Apply the norm between upscaling layers to images whose channels come last, (N, ..., C) in and out.

    A `LayerNorm2d` normalises each pixel, a `GroupNorm` (of one group) a whole image.
    """
    gain, shift = norm.weight.to(images.dtype), norm.bias.to(images.dtype)
    if isinstance(norm, LayerNorm2d):
        return F.layer_norm(images, gain.shape, gain, shift, norm.eps)
    return F.layer_norm(images, images.shape[1:], eps=norm.eps) * gain + shift


def as_linear(layer: nn.ConvTranspose2d) -> tuple[Tensor, Tensor]:
    """Return weight (4 · C', C) and bias (4 · C',) of a transposed 2 × 2 convolution as a linear layer.

    Outputs are ordered by row, then column, then channel of a pixel's four successors.
    """
    assert layer.bias is not None, "SAM's layers have one"
    return layer.weight.permute(2, 3, 1, 0).flatten(0, 2), layer.bias.repeat(4)


def sums_of_pixels(weights: Tensor, pixels: Tensor) -> Tensor:
    """Compute weighted sums of the channels of each pixel: (n, M, K) and (n, P, K) → (n, M, P)."""
    if len(weights) == 1:  # one at a time, as on processors: a plain product
        return (weights[0] @ pixels[0].T).unsqueeze(0)
    return weights @ pixels.mT


def place_pixels(out: Tensor, pixels: Tensor, grid_hw: tuple[int, int]) -> None:
    """Rearrange pixels that were upsampled twice by two.

    Args:
        out: (M, 4h, 4w), written.
        pixels: (M, L · 16), for each pixel of the grid its four successors, and for each of those its own four.
        grid_hw: (h, w).
    """
    h, w = grid_hw
    # (M, h, w, rows, columns, rows, columns) → (M, h, rows, rows, w, columns, columns)
    in_order = pixels.view(-1, h, w, 2, 2, 2, 2).permute(0, 1, 3, 5, 2, 4, 6)
    out.view(-1, h, 2, 2, w, 2, 2).copy_(in_order)
