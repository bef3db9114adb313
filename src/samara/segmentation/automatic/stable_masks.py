"""Low-res logits to stable masks, as run lengths at full size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.images.preprocessing import Frame
from samara.masks.rle import Rle, encode_columns, encode_masks
from samara.masks.stability import stability_score
from samara.segmentation.predictor import full_size
from samara.segmentation.upsampling import Upsampling
from samara.system.cores import map_on_cores


@dataclass(frozen=True)
class StableMasks:
    """Masks that passed the filters; none is empty.

    Attributes:
        rles: masks in the frame's original size.
        index: (M,) int64, indices of the masks' logits, ascending.
        stability: (M,) float64, stability scores in [0, 1].
    """

    rles: tuple[Rle, ...]
    index: npt.NDArray[np.int64]
    stability: npt.NDArray[np.float64]


def stable_masks(
    low_res_logits: Tensor, frame: Frame, *, threshold: float, offset: float, min_stability: float
) -> StableMasks:
    """Resize logits to the original frame and keep the stable, non-empty masks.

    Args:
        low_res_logits: (K, 4h, 4w) float32.
        frame: placement of the image in the input square.
        threshold: mask threshold in logits.
        offset: threshold shift of the stability score, see `samara.masks.stability`.
        min_stability: minimum stability score.
    """
    search = _in_windows if low_res_logits.device.type == "cpu" else _in_batches
    found = [
        (index, rle, stability)
        for index, rle, stability in search(low_res_logits, frame, threshold, offset, min_stability)
        if rle.area
    ]
    return StableMasks(
        rles=tuple(rle for _, rle, _ in found),
        index=np.array([index for index, _, _ in found], dtype=np.int64),
        stability=np.array([stability for _, _, stability in found], dtype=np.float64),
    )


def _in_windows(
    low_res_logits: Tensor, frame: Frame, threshold: float, offset: float, min_stability: float
) -> Iterator[tuple[int, Rle, float]]:
    """Compute one mask at a time per core, only in its window, because most masks are small."""
    upsampling = Upsampling(frame, low_res_logits.shape[-1])

    def upsampled(logits: Tensor) -> tuple[Rle, float] | None:
        with torch.inference_mode():
            window = upsampling.window(logits, threshold, offset)
        if window is None or window.stability < min_stability:
            return None
        return encode_columns(window.columns, window.x0, window.y0, *frame.original_size_hw), window.stability

    for index, found in enumerate(map_on_cores(upsampled, low_res_logits)):
        if found is not None:
            yield index, *found


def _in_batches(
    low_res_logits: Tensor, frame: Frame, threshold: float, offset: float, min_stability: float
) -> Iterator[tuple[int, Rle, float]]:
    """Compute whole masks, as many as memory allows, because an accelerator gains nothing from windows."""
    start = 0
    for logits in full_size(low_res_logits, frame):
        scores = stability_score(logits, threshold, offset)
        stable = (scores >= min_stability).nonzero()[:, 0]
        rles = encode_masks(logits[stable] > threshold)
        yield from zip((stable + start).tolist(), rles, scores[stable].tolist(), strict=True)
        start += len(logits)
