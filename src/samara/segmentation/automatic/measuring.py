"""Boxes and stability of many masks on an accelerator."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from samara.images.preprocessing import Frame
from samara.kernels.available import runs_kernels
from samara.kernels.taps import Taps
from samara.masks.boxes import boxes_of_masks
from samara.masks.stability import stability_of_areas, stability_score
from samara.segmentation.predictor import full_size
from samara.segmentation.upsampling import Axis, Upsampling


def measured(low_res_logits: Tensor, frame: Frame, threshold: float, offset: float) -> tuple[Tensor, Tensor]:
    """Measure masks at the image's size.

    Args:
        low_res_logits: (M, 4h, 4w) float32, M at least 1.
        frame: placement of the image in the input square.
        threshold: mask threshold in logits.
        offset: threshold offset of the stability score, in logits.

    Returns:
        (M, 4) int64 boxes, see `boxes_of_masks`, and (M,) float32 stability, on the device of the logits.
    """
    if frame.upsampling == "bilinear" and runs_kernels(low_res_logits.device):  # pragma: no cover - needs a GPU
        from samara.kernels.measuring import measure_masks, tile_of

        taps = _taps_of(frame, low_res_logits)
        tile = tile_of(*taps, low_res_logits.shape[-1])
        if tile is not None:
            high, low, boxes = measure_masks(low_res_logits, *taps, threshold, offset, tile)
            return boxes, stability_of_areas(high, low)
    return _upsampled(low_res_logits, frame, threshold, offset)


def _upsampled(low_res_logits: Tensor, frame: Frame, threshold: float, offset: float) -> tuple[Tensor, Tensor]:
    boxes, stability = [], []
    for piece in full_size(low_res_logits, frame):
        boxes.append(boxes_of_masks(piece > threshold))
        stability.append(stability_score(piece, threshold, offset))
    return torch.cat(boxes), torch.cat(stability)


def _taps_of(frame: Frame, low_res_logits: Tensor) -> tuple[Taps, Taps]:  # pragma: no cover - needs a GPU
    upsampling = Upsampling(frame, low_res_logits.shape[-1])
    return _taps_on(upsampling.rows, low_res_logits.device), _taps_on(upsampling.columns, low_res_logits.device)


@lru_cache(maxsize=16)  # as the axes themselves
def _taps_on(axis: Axis, device: torch.device) -> Taps:  # pragma: no cover - needs a GPU
    return Taps(axis.taps.first.to(device), axis.taps.weights.to(device))
