"""Masks from prototypes at the image's full resolution, one box at a time.

A mask is a linear combination of the 32 prototypes, upsampled bilinearly to the image's pixels, cropped to its box and
thresholded at zero (Bolya et al. 2019, YOLACT, section 3.3). Only pixels within the box are computed, in strips of
rows, so that memory is bounded for any image size and number of instances.

Differs from the published inference: pixel centres are mapped to the prototypes exactly. The published code first crops
the padding in whole cells of four pixels, which shifts masks by up to two pixels of the input.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.masks.rle import Rle, encode_masks, place
from samara.networks.yolo_seg import PROTOTYPE_STRIDE
from samara.segmentation.instances.letterbox import Letterbox
from samara.system.devices import computing

# Bytes of one strip of logits; two are in memory at a time, plus the mask at one byte per pixel.
STRIP_BYTES = 16 << 20


def mask_in_box(
    prototypes: Tensor, coefficients: Tensor, box_xyxy: npt.NDArray[np.float64], letterbox: Letterbox
) -> Rle | None:
    """Compute the mask of one instance.

    Args:
        prototypes: (32, h / 4, w / 4) prototypes of the letterboxed image.
        coefficients: (32,).
        box_xyxy: (4,) in pixels of the image, within it. A pixel is inside if its index is at least the left (top) and
            less than the right (bottom) side, as in the published inference.
        letterbox: placement of the image in the network input.

    Returns:
        The mask at the image's size; None if no pixel is positive.
    """
    x0, y0, x1, y1 = (math.ceil(side) for side in box_xyxy.tolist())
    if x1 <= x0 or y1 <= y0:
        return None
    across = _Samples.of(x0, x1, letterbox, axis=0, device=prototypes.device)
    down = _Samples.of(y0, y1, letterbox, axis=1, device=prototypes.device)
    cells = prototypes[:, down.first : down.last + 1, across.first : across.last + 1]
    with computing(prototypes.device, "float32"):
        logits = torch.einsum("p,phw->hw", coefficients, cells)
    mask = torch.empty(1, y1 - y0, x1 - x0, dtype=torch.bool, device=prototypes.device)
    rows = max(1, STRIP_BYTES // (4 * (x1 - x0)))
    for start in range(0, y1 - y0, rows):
        strip = slice(start, start + rows)
        mask[0, strip] = across.mix(down.mix(logits, 0, strip), 1) > 0
    (rle,) = encode_masks(mask)
    return place(rle, *letterbox.original_size_hw, x0, y0) if rle.area else None


class _Samples:
    """Positions of pixels among the cells of the prototypes along one axis.

    Args:
        position: (L,) float64, pixel centres, with 0 at the centre of the first cell.
        device: device of the prototypes.
    """

    def __init__(self, position: npt.NDArray[np.float64], device: torch.device) -> None:
        below = np.floor(position).astype(np.int64)
        self.first = int(below.min())
        self.last = int(np.ceil(position).max())
        self._below = torch.from_numpy(below - self.first).to(device)
        self._above = torch.from_numpy(np.ceil(position).astype(np.int64) - self.first).to(device)
        self._part = torch.from_numpy((position - below).astype(np.float32)).to(device)

    @classmethod
    def of(cls, start: int, stop: int, letterbox: Letterbox, *, axis: int, device: torch.device) -> _Samples:
        """Return the samples of the image's pixels start..stop along an axis, 0 for x and 1 for y.

        Pixels beyond the outermost cell centres use the outermost cells covered by the image; padding cells are never
        used.
        """
        corner, length = letterbox.corner_xy[axis], letterbox.resized_size_hw[1 - axis]
        in_input = (np.arange(start, stop) + 0.5) * letterbox.scale_xy[axis] + corner
        lowest = math.ceil(corner / PROTOTYPE_STRIDE - 0.5)
        highest = max(lowest, math.floor((corner + length) / PROTOTYPE_STRIDE - 0.5))
        return cls((in_input / PROTOTYPE_STRIDE - 0.5).clip(lowest, highest), device)

    def mix(self, values: Tensor, dim: int, pixels: slice = slice(None)) -> Tensor:
        """Interpolate along a dimension whose first entry is the cell `first`."""
        below, above, part = self._below[pixels], self._above[pixels], self._part[pixels]
        return torch.lerp(
            values.index_select(dim, below), values.index_select(dim, above), part.unsqueeze(1) if dim == 0 else part
        )
