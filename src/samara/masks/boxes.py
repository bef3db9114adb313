"""Boxes: around masks, conversions, IoU, and comparison with the edges of a crop.

Boxes are xyxy with exclusive right and bottom throughout, so that width = x2 - x1 as in COCO. Meta's are
inclusive, one pixel short on each axis, and turn a single pixel into a box without area.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from samara.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor


JITTER_REFERENCE_SIDE = 1024
"""The long side of an image that the limit of `jittered_boxes` in pixels refers to: SAM's input."""


def boxes_of_masks(masks: Tensor) -> Tensor:
    """Find the smallest box around each mask.

    Args:
        masks: (M, H, W) bool, any device; M may be 0.

    Returns:
        (M, 4) int64 on the same device, xyxy, right and bottom exclusive; zeros for an empty mask.

    Raises:
        SettingsError: it is not a boolean tensor with three dimensions.
    """
    if masks.dtype != torch.bool or masks.ndim != 3:
        raise SettingsError(
            f"Masks must be a boolean tensor (M, H, W), not {masks.dtype} {tuple(masks.shape)}; "
            f"compare logits with a threshold."
        )
    if masks.numel() == 0:
        return torch.zeros(masks.shape[0], 4, dtype=torch.int64, device=masks.device)
    # Bytes, because PyTorch reduces booleans on the CPU ten times slower.
    pixels = masks.view(torch.uint8)
    left, right = _extent(pixels.amax(1))  # (M, H, W) → (M, W)
    top, bottom = _extent(pixels.amax(2))  # (M, H, W) → (M, H)
    return torch.stack([left, top, right, bottom], 1)


def _extent(occupied: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first and one past the last non-zero index of each row, (M, L) → 2 × (M,); 0, 0 without any."""
    places = torch.arange(1, occupied.shape[1] + 1, device=occupied.device)
    # Counting from one leaves zero for "not occupied"; counted backwards, the largest is the first.
    stop = (occupied * places).amax(1)
    first = places.numel() - (occupied * places.flip(0)).amax(1)
    return torch.where(stop > 0, first, 0), stop


def xyxy_to_xywh(boxes_xyxy: ArrayLike) -> NDArray[Any]:
    """Convert corners to corner and size.

    Args:
        boxes_xyxy: (..., 4), any dtype, right and bottom exclusive.

    Returns:
        (..., 4) of the same dtype: x, y, width, height.

    Raises:
        SettingsError: the last dimension is not 4.
    """
    boxes: NDArray[Any] = _as_boxes(boxes_xyxy).copy()
    boxes[..., 2:] -= boxes[..., :2]
    return boxes


def jittered_boxes(
    boxes_xyxy: Tensor, noise: Tensor, size_hw: tuple[int, int], *, fraction: float, max_px: float
) -> Tensor:
    """Jitter every side of every box, simulating hand-drawn boxes.

    Args:
        boxes_xyxy: (N, 4) on any device.
        noise: (N, 4) standard normal numbers.
        size_hw: height and width of the image, to which the boxes are clipped.
        fraction: standard deviation of a side's movement, as a fraction of the box's width or height.
        max_px: max. movement of a side, in pixels of an image whose long side is 1024.

    Returns:
        (N, 4) float32 xyxy, ordered corners; a box may lose its area.

    Source: Kirillov et al. 2023, appendix A "Training algorithm", with 0.1 and 20.
    """
    H, W = size_hw  # noqa: N806
    boxes = boxes_xyxy.to(torch.float32)
    sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)  # width, height, width, height
    most = max_px * max(H, W) / JITTER_REFERENCE_SIDE
    moved = boxes + (noise * fraction * sides).clamp(-most, most)
    # Filled on the device: a copy from the host would wait for all of a GPU's work.
    limits = torch.cat([moved.new_full((1,), side) for side in (W, H, W, H)])
    inside = moved.clamp(min=0).minimum(limits)
    return inside.view(-1, 2, 2).sort(dim=1).values.view(-1, 4)


def box_iou(a_xyxy: ArrayLike, b_xyxy: ArrayLike) -> NDArray[np.float64]:
    """Compare every box of one set with every box of another.

    Args:
        a_xyxy: (N, 4) in any one frame, right and bottom exclusive.
        b_xyxy: (K, 4) in the same frame.

    Returns:
        (N, K) in [0, 1]; 0 where the boxes do not touch or have no area, never NaN.

    Raises:
        SettingsError: an argument is not a list of boxes.
    """
    a, b = _as_list_of_boxes(a_xyxy), _as_list_of_boxes(b_xyxy)
    size = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])  # (N, K, 2)
    common = size.clip(0).prod(-1)
    union = _areas(a)[:, None] + _areas(b)[None, :] - common
    iou: NDArray[np.float64] = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return iou


def near_crop_edge(
    boxes_xyxy: ArrayLike,
    crop_box_xyxy: Sequence[float],
    image_size_hw: tuple[int, int],
    tolerance: float = 20.0,
) -> NDArray[np.bool_]:
    """Find the boxes that a crop has probably truncated.

    A side counts if it is near the same side of the crop, unless the image also ends there.

    Args:
        boxes_xyxy: (M, 4) in the image's frame, all sides in one convention, inclusive or exclusive.
        crop_box_xyxy: the crop in the image's frame, right and bottom exclusive.
        image_size_hw: height and width of the image.
        tolerance: distance in pixels; a side exactly that far away counts as near.

    Returns:
        (M,) bool.

    Raises:
        SettingsError: an argument is not a list of boxes, or the tolerance is negative.

    Source: segment-anything `utils/amg.py` @dca509f, whose generator passes inclusive boxes.
    """
    if not tolerance >= 0:
        raise SettingsError(f"The tolerance of the crop edge filter must be 0 or more pixels, not {tolerance}.")
    boxes = _as_list_of_boxes(boxes_xyxy)
    height, width = image_size_hw
    near_crop = np.abs(boxes - np.asarray(crop_box_xyxy, np.float64)) <= tolerance
    near_image = np.abs(boxes - np.array([0, 0, width, height], np.float64)) <= tolerance
    return np.asarray((near_crop & ~near_image).any(1))


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    areas: NDArray[np.float64] = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return areas


def _as_boxes(boxes: ArrayLike) -> NDArray[Any]:
    array = np.asarray(boxes)
    if array.ndim == 0 or array.shape[-1] != 4:
        raise SettingsError(f"A box has four numbers in the last dimension; the array given is {array.shape}.")
    return array


def _as_list_of_boxes(boxes: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(boxes, np.float64)
    if array.size == 0:
        return np.empty((0, 4))
    if array.ndim != 2 or array.shape[1] != 4:
        raise SettingsError(f"Boxes must be an array (M, 4); the array given is {array.shape}.")
    return array
