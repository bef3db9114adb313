"""The official `ResizeLongestSide`, based on samara's preprocessing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from samara.images.preprocessing import Frame, resize
from samara.images.read import read_image


class ResizeLongestSide:
    """Resizing of images and prompts to a given length of the image's longest side.

    Args:
        target_length: length of the longest side in pixels.
    """

    def __init__(self, target_length: int) -> None:
        self.target_length = target_length

    def apply_image(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Resize (H, W, 3) RGB uint8, or other arrays that Pillow resizes: (H, W), or (H, W, 4) uint8.

        Raises:
            ImageError: The array can neither be resized directly nor read as an image.
        """
        pixels = image if _is_resizable(image) else read_image(image)
        return np.array(resize(pixels, self._frame(pixels.shape[:2])))

    def apply_coords(self, coords: npt.NDArray[np.floating], original_size: tuple[int, ...]) -> npt.NDArray[np.float32]:
        """Map points (..., 2) as (x, y) into the resized image; `original_size` is (H, W).

        Differs from Meta: float32, because Apple GPUs do not support float64.
        """
        return self._frame(original_size).to_input(coords)

    def apply_boxes(self, boxes: npt.NDArray[np.floating], original_size: tuple[int, ...]) -> npt.NDArray[np.float32]:
        """Map boxes (N, 4) xyxy into the resized image; `original_size` is (H, W)."""
        return self.apply_coords(np.asarray(boxes).reshape(-1, 4), original_size)

    def apply_image_torch(self, image: Tensor) -> Tensor:
        """Resize (B, 3, H, W) with torch's antialiased bilinear filter, close but not identical to `apply_image`."""
        size_hw = self.get_preprocess_shape(image.shape[2], image.shape[3], self.target_length)
        return F.interpolate(image, size_hw, mode="bilinear", align_corners=False, antialias=True)

    def apply_coords_torch(self, coords: Tensor, original_size: tuple[int, ...]) -> Tensor:
        """Map points (..., 2) into the resized image."""
        frame = self._frame(original_size)
        (H, W), (h, w) = frame.original_size_hw, frame.resized_size_hw  # noqa: N806
        return coords.to(torch.float32) * torch.tensor([w / W, h / H], device=coords.device)

    def apply_boxes_torch(self, boxes: Tensor, original_size: tuple[int, ...]) -> Tensor:
        """Map boxes (N, 4) into the resized image."""
        return self.apply_coords_torch(boxes.reshape(-1, 2, 2), original_size).reshape(-1, 4)

    @staticmethod
    def get_preprocess_shape(oldh: int, oldw: int, long_side_length: int) -> tuple[int, int]:
        """Return (H, W) of the resized image, each at least 1."""
        return Frame((oldh, oldw), long_side_length).resized_size_hw

    def _frame(self, original_size: tuple[int, ...]) -> Frame:
        return Frame((original_size[0], original_size[1]), self.target_length)


def _is_resizable(image: object) -> bool:
    """Return whether Pillow has a mode for an array."""
    if not isinstance(image, np.ndarray):
        return False
    colours = image.ndim == 3 and image.shape[2] in (3, 4) and image.dtype == np.uint8
    return colours or (image.ndim == 2 and image.dtype in (np.uint8, np.int32, np.float32))
