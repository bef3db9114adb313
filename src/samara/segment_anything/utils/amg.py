"""The official `utils.amg`: building blocks of automatic mask generators.

Differs from the official functions: an empty mask has stability 0, not NaN; counts do not overflow beyond 32,767
columns; crops without area are left out; COCO run lengths do not need pycocotools.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, ItemsView, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from samara.errors import SettingsError
from samara.masks.boxes import boxes_of_masks
from samara.masks.regions import fill_holes, remove_specks
from samara.masks.rle import Rle, encode_masks
from samara.networks.ranking import stability
from samara.segmentation.automatic.crops import crops_of

Box = Sequence[int]
"""X0, y0, x1, y1."""


class MaskData:
    """Table with one row per mask; its columns are tensors, arrays or lists."""

    def __init__(self, **kwargs: Any) -> None:
        self._stats: dict[str, Any] = {}
        for name, column in kwargs.items():
            self[name] = column

    def __setitem__(self, key: str, item: Any) -> None:
        if not isinstance(item, (list, np.ndarray, Tensor)):
            raise TypeError(f"MaskData takes lists, numpy arrays and tensors, but {key} is a {type(item).__name__}")
        self._stats[key] = item

    def __delitem__(self, key: str) -> None:
        del self._stats[key]

    def __getitem__(self, key: str) -> Any:
        return self._stats[key]

    def items(self) -> ItemsView[str, Any]:
        """Return the columns with their names."""
        return self._stats.items()

    def filter(self, keep: Tensor) -> None:
        """Keep some rows.

        Args:
            keep: (M,) bool, or (K,) indices in the desired order.
        """
        chosen = torch.as_tensor(keep)
        indices = chosen.nonzero()[:, 0] if chosen.dtype == torch.bool else chosen
        for name, column in self._stats.items():
            if isinstance(column, Tensor):
                self._stats[name] = column[indices.to(column.device)]
            elif isinstance(column, np.ndarray):
                self._stats[name] = column[indices.cpu().numpy()]
            else:
                self._stats[name] = [column[index] for index in indices.tolist()]

    def cat(self, new_stats: MaskData) -> None:
        """Append the rows of another table; new columns are added."""
        for name, column in new_stats.items():
            mine = self._stats.get(name)
            if mine is None:
                self._stats[name] = column.clone() if isinstance(column, Tensor) else copy.copy(column)
            elif isinstance(column, Tensor):
                self._stats[name] = torch.cat([mine, column])
            elif isinstance(column, np.ndarray):
                self._stats[name] = np.concatenate([mine, column])
            else:
                self._stats[name] = mine + column

    def to_numpy(self) -> None:
        """Convert tensors to arrays."""
        for name, column in self._stats.items():
            if isinstance(column, Tensor):
                self._stats[name] = column.detach().cpu().numpy()


def is_box_near_crop_edge(boxes: Tensor, crop_box: Box, orig_box: Box, atol: float = 20.0) -> Tensor:
    """Find boxes probably truncated by a crop: near its edge, but not near the edge of the image.

    Args:
        boxes: (M, 4) in the crop's frame.
        crop_box: the crop in the image.
        orig_box: the whole image.
        atol: distance in pixels that counts as near.

    Returns:
        (M,) bool.
    """
    crop, image = (torch.tensor([list(box)], dtype=torch.float32, device=boxes.device) for box in (crop_box, orig_box))
    placed = uncrop_boxes_xyxy(boxes, crop_box).float()
    near_crop, near_image = (torch.isclose(placed, edge, atol=atol, rtol=0) for edge in (crop, image))
    return (near_crop & ~near_image).any(dim=1)


def box_xyxy_to_xywh(box_xyxy: Tensor) -> Tensor:
    """Convert one box (4,), a tensor, array or list, from corners to corner and size."""
    box = copy.deepcopy(box_xyxy)
    box[2] = box[2] - box[0]
    box[3] = box[3] - box[1]
    return box


def batch_iterator(batch_size: int, *args: Any) -> Generator[list[Any], None, None]:
    """Split sequences of equal length into batches of `batch_size`.

    Raises:
        SettingsError: No sequence was given, or they differ in length.
    """
    lengths = {len(arg) for arg in args}
    if len(lengths) != 1:
        raise SettingsError(f"batches need sequences of equal length, got {sorted(lengths) or 'none'}")
    for start in range(0, lengths.pop(), batch_size):
        yield [arg[start : start + batch_size] for arg in args]


def mask_to_rle_pytorch(tensor: Tensor) -> list[dict[str, Any]]:
    """Encode masks (M, H, W) bool as uncompressed COCO run lengths."""
    return [{"size": [rle.height, rle.width], "counts": rle.uncompressed()} for rle in encode_masks(tensor)]


def rle_to_mask(rle: dict[str, Any]) -> npt.NDArray[np.bool_]:
    """Decode uncompressed run lengths, (H, W) bool."""
    return Rle.from_coco(rle).decode()


def area_from_rle(rle: dict[str, Any]) -> int:
    """Return the pixel count of a mask in uncompressed run lengths."""
    return sum(rle["counts"][1::2])


def calculate_stability_score(masks: Tensor, mask_threshold: float, threshold_offset: float) -> Tensor:
    """Compute the IoU of each mask at a higher and a lower threshold, (..., H, W) logits → (...)."""
    return stability(masks, mask_threshold, threshold_offset)


def build_point_grid(n_per_side: int) -> npt.NDArray[np.float64]:
    """Return the cell centres of a regular grid, row by row, (n², 2) in the unit square; empty for 0."""
    if n_per_side < 1:
        return np.zeros((0, 2))
    margin = 1 / (2 * n_per_side)
    axis = np.linspace(margin, 1 - margin, n_per_side)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


def build_all_layer_point_grids(n_per_side: int, n_layers: int, scale_per_layer: int) -> list[npt.NDArray[np.float64]]:
    """Return a grid for the whole image and one for each crop layer, thinned from layer to layer."""
    return [build_point_grid(int(n_per_side / scale_per_layer**layer)) for layer in range(n_layers + 1)]


def generate_crop_boxes(
    im_size: tuple[int, ...], n_layers: int, overlap_ratio: float
) -> tuple[list[list[int]], list[int]]:
    """Return the whole image (H, W) and the crops of every layer, and the layer of each."""
    crops = crops_of((im_size[0], im_size[1]), n_layers, overlap_ratio)
    return [list(crop.box_xyxy) for crop in crops], [crop.layer for crop in crops]


def uncrop_boxes_xyxy(boxes: Tensor, crop_box: Box) -> Tensor:
    """Map boxes (..., 4) from a crop to the image's frame."""
    x0, y0 = crop_box[:2]
    return boxes + torch.tensor([x0, y0, x0, y0], device=boxes.device)


def uncrop_points(points: Tensor, crop_box: Box) -> Tensor:
    """Map points (..., 2) from a crop to the image's frame."""
    return points + torch.tensor([crop_box[0], crop_box[1]], device=points.device)


def uncrop_masks(masks: Tensor, crop_box: Box, orig_h: int, orig_w: int) -> Tensor:
    """Pad masks (..., h, w) of a crop to the size of the image."""
    x0, y0, x1, y1 = crop_box
    if (x0, y0, x1, y1) == (0, 0, orig_w, orig_h):
        return masks
    return F.pad(masks, (x0, orig_w - x1, y0, orig_h - y1), value=0)


def remove_small_regions(
    mask: npt.NDArray[np.bool_], area_thresh: float, mode: str
) -> tuple[npt.NDArray[np.bool_], bool]:
    """Remove regions smaller than an area from a mask (H, W).

    Args:
        mask: (H, W) bool.
        area_thresh: area in pixels; regions of exactly this area are kept.
        mode: "holes" to fill holes, or "islands" to remove islands, except the largest.

    Returns:
        The mask, and whether anything was removed.

    Raises:
        SettingsError: The mode is invalid.
    """
    if mode not in ("holes", "islands"):
        raise SettingsError(f"mode is {mode!r}; it must be 'holes' or 'islands'")
    return fill_holes(mask, area_thresh) if mode == "holes" else remove_specks(mask, area_thresh)


def coco_encode_rle(uncompressed_rle: dict[str, Any]) -> dict[str, Any]:
    """Compress run lengths as in COCO files."""
    return dict(Rle.from_coco(uncompressed_rle).to_coco())


def batched_mask_to_box(masks: Tensor) -> Tensor:
    """Compute boxes of masks, (..., H, W) bool → (..., 4) xyxy, right and bottom inclusive; zeros if empty.

    Inclusive as in the official function; everywhere else in samara, right and bottom are exclusive as in COCO.
    """
    if masks.numel() == 0:
        return torch.zeros(*masks.shape[:-2], 4, device=masks.device)
    boxes = boxes_of_masks(masks.reshape(-1, *masks.shape[-2:]))
    inclusive = boxes - torch.tensor([0, 0, 1, 1], device=boxes.device)
    return inclusive.clamp(min=0).view(*masks.shape[:-2], 4)
