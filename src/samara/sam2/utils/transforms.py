"""The official `SAM2Transforms`, on samara's preprocessing.

Differs from Meta: an image is what `samara.read_image` takes, so a float image is never scaled by guessing; small holes
and specks are removed everywhere, where the original needs an extension that is compiled for CUDA.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from samara.errors import PromptError
from samara.images.preprocessing import Frame, to_network_input
from samara.images.read import ImageSource, read_image
from samara.masks.regions import fill_holes
from samara.networks.variant import Preprocessing

DECISIVE = 10.0
"""How far from the threshold a logit is put where a hole is filled or a speck removed."""

_ARRAY_MODES = ("L", "RGB", "RGBA")
"""Modes of PIL images whose pixels are an array that says all."""


class SAM2Transforms(nn.Module):
    """Bring images and prompts into the square that the network sees, and its masks back.

    Args:
        resolution: side of the square in pixels.
        mask_threshold: logits above it belong to a mask.
        max_hole_area: holes of at most so many pixels of the low-res masks are filled; 0 for none.
        max_sprinkle_area: specks of at most so many are removed; 0 for none.
    """

    def __init__(
        self, resolution: int, mask_threshold: float, max_hole_area: float = 0.0, max_sprinkle_area: float = 0.0
    ) -> None:
        super().__init__()
        self.resolution = resolution
        self.mask_threshold = mask_threshold
        self.max_hole_area = max_hole_area
        self.max_sprinkle_area = max_sprinkle_area
        usual = Preprocessing()
        self.mean = [value / 255 for value in usual.mean]
        self.std = [value / 255 for value in usual.std]

    def forward(self, x: ImageSource) -> Tensor:
        """Squash and normalise an image: (3, resolution, resolution) float32 on the CPU.

        Raises:
            ImageError: the image cannot be converted without guessing.
        """
        pixels = pixels_of(x)
        frame = Frame((pixels.shape[0], pixels.shape[1]), self.resolution, "squash")
        mean, std = (tuple(255 * value for value in numbers) for numbers in (self.mean, self.std))
        return to_network_input(pixels, frame, mean, std, how="float")[0]

    def forward_batch(self, img_list: Sequence[ImageSource]) -> Tensor:
        """The same for B images, which need not have one size: (B, 3, resolution, resolution)."""
        return torch.stack([self(image) for image in img_list])

    def transform_coords(self, coords: Tensor, normalize: bool = False, orig_hw: Sequence[int] | None = None) -> Tensor:
        """Map points (..., 2) as (x, y) into the square.

        Args:
            coords: in the unit square, or, with `normalize`, in pixels of the image.
            normalize: see above.
            orig_hw: (H, W) of the image, for `normalize`.

        Raises:
            PromptError: pixels without the size of the image.
        """
        if normalize:
            if orig_hw is None:
                raise PromptError("points in pixels need the size of the image; give orig_hw, its (H, W)")
            h, w = orig_hw
            coords = coords / coords.new_tensor([w, h])
        return coords * self.resolution

    def transform_boxes(self, boxes: Tensor, normalize: bool = False, orig_hw: Sequence[int] | None = None) -> Tensor:
        """Map boxes (..., 4) xyxy as `transform_coords` maps points, into their corners (N, 2, 2)."""
        return self.transform_coords(boxes.reshape(-1, 2, 2), normalize, orig_hw)

    def postprocess_masks(self, masks: Tensor, orig_hw: Sequence[int]) -> Tensor:
        """Remove small holes and specks if asked to, and resize: (N, M, 4h, 4w) logits → (N, M, H, W) float32."""
        size_hw = (int(orig_hw[0]), int(orig_hw[1]))
        masks = self.without_small_regions(masks.float())
        if not masks.numel():
            return masks.new_zeros(*masks.shape[:2], *size_hw)
        return F.interpolate(masks, size_hw, mode="bilinear", align_corners=False)

    def without_small_regions(self, masks: Tensor) -> Tensor:
        """Logits (..., 4h, 4w) float32 with the holes filled and the specks removed that are small enough."""
        if self.max_hole_area <= 0 and self.max_sprinkle_area <= 0:
            return masks
        inside = (masks > self.mask_threshold).flatten(0, -3).cpu().numpy()
        for area, parts, logit in (
            (self.max_hole_area, ~inside, self.mask_threshold + DECISIVE),
            (self.max_sprinkle_area, inside, self.mask_threshold - DECISIVE),
        ):
            if area > 0 and len(parts):
                small = torch.from_numpy(np.stack([_small_parts(mask, area) for mask in parts]))
                masks = masks.masked_fill(small.view(masks.shape).to(masks.device), logit)
        return masks


def pixels_of(image: ImageSource) -> npt.NDArray[np.uint8]:
    """An image as (H, W, 3) RGB uint8.

    A PIL image is taken as it lies in memory, as the original does, whose callers give prompts in its `size`: it is not
    turned upright.

    Raises:
        ImageError: the image cannot be converted without guessing.
    """
    lying: Any = image  # Any: a PIL image is known by its mode
    return read_image(np.asarray(lying) if getattr(image, "mode", None) in _ARRAY_MODES else image)


def _small_parts(parts: npt.NDArray[np.bool_], max_area: float) -> npt.NDArray[np.bool_]:
    """(H, W) bool, the connected parts of a mask with at most so many pixels; all parts count, also the only one."""
    rest, _ = fill_holes(~parts, int(max_area) + 1)  # the background of the background; those below the limit go
    return parts & rest
