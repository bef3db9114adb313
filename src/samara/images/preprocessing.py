"""From the original frame to the network's input frame and back.

Two ways to fit an image into the square: "pad" keeps the aspect ratio, "squash" does not. Only `Frame` depends on
which; everything that maps coordinates or masks uses it.

Sources: pad: Kirillov et al. 2023, appendix A; segment-anything `utils/transforms.py` and `modeling/sam.py` @dca509f,
which resize with Pillow's antialiased bilinear filter, normalise, and pad the bottom and the right with zeros. Squash:
sam2 `utils/transforms.py` @0c5f8c5, which resizes to the square, and low-res logits to the image in one step; so does
EfficientSAM, without antialiasing and with bicubic masks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from samara.images.spline import resize_by_spline
from samara.networks.variant import Interpolation, Resizing, Scale

Fit = Literal["pad", "squash"]
"""How an image fills the input square: with its longest side and padding, or with both sides."""


@dataclass(frozen=True)
class Frame:
    """The placement of an image in a square: the network's input, or the input frame.

    Prompts are in the input frame and masks fill it. The two differ in size alone, and for few networks only, see
    `Variant.frame_size`.

    Attributes:
        original_size_hw: (H, W) of the user's image in pixels.
        side: of the square in pixels.
        fit: see `Fit`.
        upsampling: how logits are resized to the original frame; "bicubic" only if squashed.
        low_res_stride: pixels of the square for each low-res logit, along each side; only of the input frame.
    """

    original_size_hw: tuple[int, int]
    side: int
    fit: Fit = "pad"
    upsampling: Interpolation = "bilinear"
    low_res_stride: int = 4

    @property
    def resized_size_hw(self) -> tuple[int, int]:
        """(H, W) of the image inside the square: the longest side fills it; if squashed, both do.

        Differs from Meta: the short side of an extreme image is at least 1; the reference rounds it to 0.
        """
        if self.fit == "squash":
            return self.side, self.side
        H, W = self.original_size_hw  # noqa: N806
        scale = self.side / max(H, W)
        return max(1, int(H * scale + 0.5)), max(1, int(W * scale + 0.5))

    @property
    def low_res_side(self) -> int:
        """Side of the low-res grid over the whole square, 4h = 4w."""
        return self.side // self.low_res_stride

    @property
    def low_res_size_hw(self) -> tuple[int, int]:
        """(H, W) of the image on the low-res grid; cells that it covers partly are rounded."""
        h, w = self.resized_size_hw
        return max(1, round(h / self.low_res_stride)), max(1, round(w / self.low_res_stride))

    def to_input(self, points_xy: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Map points (..., 2) or flattened boxes (..., 4) from the original frame to the square."""
        coordinates = np.asarray(points_xy, dtype=np.float64)
        (H, W), (h, w) = self.original_size_hw, self.resized_size_hw  # noqa: N806
        factors = np.tile([w / W, h / H], coordinates.shape[-1] // 2)
        mapped: npt.NDArray[np.float32] = (coordinates * factors).astype(np.float32)
        return mapped

    def to_original(self, low_res_logits: Tensor) -> Tensor:
        """Resize logits to the original frame.

        Args:
            low_res_logits: (M, 4h, 4w) over the whole square.

        Returns:
            (M, H, W). Takes memory for M · (side² + H · W) floats; slice M for large images.
        """
        if not len(low_res_logits):
            return low_res_logits.new_zeros(0, *self.original_size_hw)
        if self.fit == "squash":  # there is no padding to crop, and the reference resizes in one step
            return F.interpolate(low_res_logits[None], size=self.original_size_hw, mode=self.upsampling)[0]
        h, w = self.resized_size_hw
        square = F.interpolate(
            low_res_logits[None],
            size=(self.side, self.side),
            mode="bilinear",
            align_corners=False,
        )
        # Two steps with the padding cropped in between, like the reference; one step would change edges.
        return F.interpolate(square[..., :h, :w], size=self.original_size_hw, mode="bilinear", align_corners=False)[0]


def resize(image: npt.NDArray[np.uint8], frame: Frame, resizing: Resizing = "pillow") -> npt.NDArray[np.uint8]:
    """Resize RGB uint8 (H, W, 3) to the size in its frame, in 8 bits; "float" is `resize_float`."""
    h, w = frame.resized_size_hw
    if (h, w) == image.shape[:2]:
        return image
    match resizing:
        case "spline":
            return resize_by_spline(image, (h, w))
        case "area" | "nearest":
            interpolation = cv2.INTER_AREA if resizing == "area" else cv2.INTER_NEAREST
            return cv2.resize(image, (w, h), interpolation=interpolation).astype(np.uint8, copy=False)
        case _:
            return np.array(Image.fromarray(image).resize((w, h), Image.Resampling.BILINEAR))


def resize_float(images: Tensor, frame: Frame, *, antialias: bool = True) -> Tensor:
    """Resize (B, 3, H, W) float32 to what its frame says, with PyTorch's bilinear filter."""
    if images.shape[-2:] == frame.resized_size_hw:
        return images
    return F.interpolate(images, size=frame.resized_size_hw, mode="bilinear", antialias=antialias)


def stretch(images: Tensor) -> Tensor:
    """Map the smallest value of each image to 0 and the largest to 1; an image of one value becomes 0.

    Args:
        images: (B, 3, H, W) of any dtype, without padding.

    Returns:
        (B, 3, H, W) float32.
    """
    pixels = images.float()
    low, high = pixels.amin((1, 2, 3), keepdim=True), pixels.amax((1, 2, 3), keepdim=True)
    return (pixels - low) / (high - low).clamp(min=1e-8)


def normalise(images: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Subtract the mean and divide by the standard deviation of each channel.

    Args:
        images: (..., 3, H, W) on the scale of these numbers, of any dtype.
        mean: one number per channel.
        std: one number per channel.

    Returns:
        (..., 3, H, W), float32; float64 of float64.
    """
    dtype = torch.promote_types(images.dtype, torch.float32)
    shift, scale = (torch.tensor(numbers, dtype=dtype, device=images.device).view(3, 1, 1) for numbers in (mean, std))
    return (images - shift) / scale


def pad(images: Tensor, input_size: int) -> Tensor:
    """Pad (..., 3, h, w) at the bottom and on the right with zeros to the input square."""
    h, w = images.shape[-2:]
    return F.pad(images, (0, input_size - w, 0, input_size - h))


def host_pixels(
    image: npt.NDArray[np.uint8], frame: Frame, *, resizing: Resizing = "pillow", is_pinned: bool = False
) -> Tensor:
    """Resize one RGB uint8 image (H, W, 3), as far as this is done on the CPU: all but floating-point filters.

    Args:
        image: (H, W, 3).
        frame: of the image.
        resizing: see `to_network_input`.
        is_pinned: put the result into pinned memory, from which a CUDA device copies while the host goes on.

    Returns:
        (h, w, 3) uint8 in the host's memory, a copy.
    """
    pixels = torch.tensor(image if resizing.startswith("float") else resize(image, frame, resizing))
    return pixels.pin_memory() if is_pinned else pixels


def from_host_pixels(
    pixels: Tensor,
    frame: Frame,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    device: torch.device | str = "cpu",
    *,
    resizing: Resizing = "pillow",
    scale: Scale = "fixed",
) -> Tensor:
    """Copy the pixels from `host_pixels` to the device, normalise and pad them; see `to_network_input`."""
    channels = pixels.to(device, non_blocking=pixels.is_pinned()).permute(2, 0, 1)[None]  # (h, w, 3) → (1, 3, h, w)
    if resizing.startswith("float"):
        channels = resize_float(channels.float(), frame, antialias=resizing == "float")
    if scale == "image":
        channels = stretch(channels)
    return pad(normalise(channels, mean, std), frame.side)


def to_network_input(
    image: npt.NDArray[np.uint8],
    frame: Frame,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    device: torch.device | str = "cpu",
    *,
    resizing: Resizing = "pillow",
    scale: Scale = "fixed",
) -> Tensor:
    """Resize, normalise and pad one RGB uint8 image.

    Args:
        image: (H, W, 3).
        frame: of the image.
        mean: per channel, on the scale.
        std: the same.
        device: where to.
        resizing: floating-point pixels are resized on the device, 8-bit ones on the CPU.
        scale: "image" stretches the resized image, see `stretch`.

    Returns:
        (1, 3, S, S) float32 on `device`, S the input side.
    """
    pixels = host_pixels(image, frame, resizing=resizing)
    return from_host_pixels(pixels, frame, mean, std, device, resizing=resizing, scale=scale)
