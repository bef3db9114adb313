"""The layout of arrays and tensors: axes are determined by the shape, or the array is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from samara.errors import ImageError

if TYPE_CHECKING:
    import torch

_CHANNELS = (1, 3, 4)


def array_pixels(array: NDArray[np.generic], name: str) -> NDArray[np.generic]:
    """Check an array's layout.

    Args:
        array: (H, W) or (H, W, 1 | 3 | 4).
        name: Name of the array in messages.

    Returns:
        A view (H, W), (H, W, 3) or (H, W, 4).

    Raises:
        ImageError: The shape is different, or values are masked.
    """
    if isinstance(array, np.ma.MaskedArray):
        raise ImageError(f"{name} is masked, so its hidden pixels are undefined; pass array.filled(value).")
    _check_dimensions(array.shape, name, layout="(H, W) or (H, W, 1 | 3 | 4)")
    if array.ndim == 3 and array.shape[2] not in _CHANNELS:
        if array.shape[0] in _CHANNELS:
            raise ImageError(f"{name} has its channels first; arrays are (H, W, C): pass array.transpose(1, 2, 0).")
        raise ImageError(
            f"{name} has {array.shape[2]} channels; accepted are 1, 3 and 4: choose one, array[..., 0], or three, "
            "array[..., :3]."
        )
    return np.asarray(_without_single_channel(array))


def tensor_pixels(tensor: torch.Tensor, name: str) -> NDArray[np.generic]:
    """Check a tensor's layout and move it to the CPU.

    Args:
        tensor: (H, W) or (1 | 3 | 4, H, W), any device, with or without gradient.
        name: Name of the tensor in messages.

    Returns:
        (H, W), (H, W, 3) or (H, W, 4); the type is the tensor's, or float32 if NumPy lacks it.

    Raises:
        ImageError: The shape is different, or the tensor has no plain values (sparse, quantised, meta).
    """
    _check_dimensions(tuple(tensor.shape), name, layout="(H, W) or (1 | 3 | 4, H, W)")
    if tensor.ndim == 3 and tensor.shape[0] not in _CHANNELS:
        if tensor.shape[2] in _CHANNELS:
            raise ImageError(f"{name} has its channels last; tensors are (C, H, W): pass tensor.permute(2, 0, 1).")
        raise ImageError(
            f"{name} has {tensor.shape[0]} channels; accepted are 1, 3 and 4: choose one, tensor[0], or three, "
            "tensor[:3]."
        )
    return _without_single_channel(_to_numpy(tensor, name))


def _to_numpy(tensor: torch.Tensor, name: str) -> NDArray[np.generic]:
    import torch

    if tensor.is_floating_point() and tensor.dtype not in (torch.float16, torch.float32, torch.float64):
        tensor = tensor.float()  # bfloat16 and the 8-bit floats; float32 represents all their values
    try:
        plain = tensor.detach().resolve_conj().resolve_neg()
        # torch reorders 12 megapixels ten times faster than NumPy does.
        last = plain if plain.ndim == 2 else plain.permute(1, 2, 0).contiguous()  # (C, H, W) → (H, W, C)
        pixels: NDArray[np.generic] = last.cpu().numpy()
    except (RuntimeError, TypeError, NotImplementedError) as error:
        raise ImageError(
            f"{name} (layout {tensor.layout}, device {tensor.device}) has no plain values to read; "
            "pass a dense tensor, for example tensor.to_dense() or tensor.dequantize()."
        ) from error
    return pixels


def _check_dimensions(shape: tuple[int, ...], name: str, layout: str) -> None:
    if 0 in shape:
        raise ImageError(f"{name} is empty; accepted is {layout} with at least one pixel.")
    if len(shape) == 4:
        raise ImageError(f"{name} is a batch; accepted is one image, {layout}: pass a list of its items, list(batch).")
    if len(shape) == 1:
        raise ImageError(f"{name} has one dimension; accepted is {layout}. An encoded file goes in as array.tobytes().")
    if len(shape) not in (2, 3):
        raise ImageError(f"{name} has {len(shape)} dimensions; accepted is {layout}.")


def _without_single_channel(pixels: NDArray[np.generic]) -> NDArray[np.generic]:
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
