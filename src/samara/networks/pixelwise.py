"""Upscaling by transposed convolutions as work on single pixels: linear layers, norms, and putting pixels in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch.nn.functional as F
from torch import Tensor, nn

from samara.kernels.available import runs_kernels
from samara.kernels.limits import draws
from samara.networks.layers import LayerNorm2d


@dataclass(frozen=True)
class PixelMaps:
    """Maps of one image that are added while it is upscaled, pixel by pixel in the order of `place_pixels`.

    Attributes:
        finest: (h · w · 16, D), added to the second layer's results.
        finer: (h · w · 4, C), added to the first layer's.
    """

    finest: Tensor
    finer: Tensor


@dataclass(frozen=True, eq=False)
class PixelUpscaling:
    """The steps after the first upscaling layer's product, to the pixels that masks are weighted sums of.

    A transposed convolution whose kernel is as wide as its stride is a linear layer with a pixel's four successors as
    outputs.

    Attributes:
        first_bias: (4 · C,), bias of the first layer.
        norm: norm after it.
        activation: activation after the norm, and after the second layer.
        second_weight: (4 · D, C), see `as_linear`; all tensors are in one dtype.
        second_bias: (4 · D,).
        maps: what is added on the way; None for nothing.
    """

    first_bias: Tensor
    norm: LayerNorm2d | nn.GroupNorm
    activation: Callable[[Tensor], Tensor]
    second_weight: Tensor
    second_bias: Tensor
    maps: PixelMaps | None = None

    @property
    def drawn_channels(self) -> int:
        """D."""
        return len(self.second_bias) // 4

    @cached_property
    def _added(self) -> Tensor:
        """What is added to the first layer's product, (4 · C,) or (L, 4 · C)."""
        return (
            self.first_bias if self.maps is None else self.first_bias + self.maps.finer.view(-1, len(self.first_bias))
        )

    def upscaled(self, pixels: Tensor) -> Tensor:
        """Finish pixels (n, L, 4 · C), which are overwritten: (n, L · 16, D)."""
        pixels += self._added
        x = normalise_pixels(self.norm, pixels.view(len(pixels), -1, self.norm.weight.numel()))
        x = F.linear(self.activation(x), self.second_weight, self.second_bias).view(
            len(pixels), -1, self.drawn_channels
        )
        return self.activation(x if self.maps is None else x.add_(self.maps.finest))

    @property
    def fits_kernel(self) -> bool:
        """Whether its device draws masks with `kernels.drawing`, and these are the steps that it knows."""
        is_known = (
            isinstance(self.norm, LayerNorm2d)
            and isinstance(self.activation, nn.GELU)
            and self.activation.approximate == "none"
        )
        channels = len(self.first_bias) // 4
        return is_known and draws(channels, self.drawn_channels) and runs_kernels(self.first_bias.device)

    def drawn(self, weights: Tensor, pixels: Tensor, grid_hw: tuple[int, int]) -> Tensor:
        """Draw masks in one kernel, if it fits: weights (n, M, D) and pixels (n, L, 4 · C) → (n, M, 4h, 4w) float32."""
        from samara.kernels.drawing import draw_pixels

        norm = self.norm
        return draw_pixels(
            pixels,
            self.first_bias,
            (norm.weight, norm.bias, norm.eps),
            (self.second_weight, self.second_bias),
            weights,
            grid_hw,
            None if self.maps is None else (self.maps.finer, self.maps.finest),
        )


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
