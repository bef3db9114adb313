"""Pillow's bilinear filter for 8 bits on any device of PyTorch, bit by bit.

Pillow weighs pixels in fixed-point numbers of 22 binary places, first along rows, then along columns, and rounds to 8
bits after each. Integers of 32 bits hold every sum, so the result does not depend on their order: what a checkpoint was
trained on, at the speed of a GPU.

Source: Pillow `src/libImaging/Resample.c` (the arithmetic only); python-pillow/Pillow @11.1.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

PLACES = 22
"""Binary places of a weight: 32 bits, less 8 of a pixel and 2 to be safe."""

MOST_HEIGHT = 1.9
"""Height over width up to which the order of the axes is sure; the limit of Pillow 13 is 2."""

SAME_SHAPE = 0.05
"""How far height over width may be changed, by rounding to whole pixels."""


def resize_bilinear(image: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Resize an image like `PIL.Image.resize` with `Resampling.BILINEAR`.

    Args:
        image: (H, W, C) uint8.
        size_hw: new height and width.

    Returns:
        (h, w, C) uint8 on the same device.
    """
    h, w = size_hw
    if image.shape[1] != w:
        image = _along(image, 1, w)
    return _along(image, 0, h) if image.shape[0] != h else image


def is_alike(size_hw: tuple[int, int], new_hw: tuple[int, int]) -> bool:
    """Return whether every version of Pillow resizes along rows first, as here.

    Recent ones take another order where it is less work, for tall images and for sides that change differently. Images
    that keep their shape and are at most twice as high as wide are resized alike by all.
    """
    (H, W), (h, w) = size_hw, new_hw  # noqa: N806
    return H <= MOST_HEIGHT * W and abs(h * W - w * H) <= SAME_SHAPE * h * W


def _along(image: Tensor, axis: int, size: int) -> Tensor:
    """Resize along rows (axis 0) or columns (axis 1)."""
    sources, weights = _taps_on(image.shape[axis], size, image.device)
    shape = (-1, 1, 1) if axis == 0 else (1, -1, 1)
    total = image.new_full((), 1 << (PLACES - 1), dtype=torch.int32)  # a half, to round
    for source, weight in zip(sources, weights, strict=True):
        total = total + image.index_select(axis, source).int() * weight.view(shape)
    return (total >> PLACES).clamp_(0, 255).to(torch.uint8)


@functools.lru_cache(maxsize=64)  # a few kilobytes each
def _taps_on(size_in: int, size_out: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return sources and weights of each pixel, both (K, size_out)."""
    sources, weights = _taps(size_in, size_out)
    return torch.from_numpy(sources).to(device), torch.from_numpy(weights).to(device)


def _taps(size_in: int, size_out: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    scale = size_in / size_out
    reach = max(scale, 1.0)
    centre = (np.arange(size_out) + 0.5) * scale
    first = np.maximum((centre - reach + 0.5).astype(np.int64), 0)
    stop = np.minimum((centre + reach + 0.5).astype(np.int64), size_in)
    positions = first + np.arange(int((stop - first).max()))[:, None]  # (K, size_out)
    distance = np.abs((positions - centre + 0.5) * (1.0 / reach))
    weights = np.where(positions < stop, np.maximum(1.0 - distance, 0.0), 0.0)
    weights *= 1.0 / weights.sum(0)
    return np.minimum(positions, size_in - 1), (0.5 + weights * (1 << PLACES)).astype(np.int32)
