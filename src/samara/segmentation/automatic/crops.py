"""Crops of an image by layer.

Source: segment-anything `utils/amg.py` @dca509f for the geometry: layer i has 2^i × 2^i crops.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Crop:
    """Rectangle of the image.

    Attributes:
        box_xyxy: corners in the original frame, right and bottom exclusive.
        layer: layer index, 0 for the whole image.
    """

    box_xyxy: tuple[int, int, int, int]
    layer: int

    @property
    def size_hw(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        x0, y0, x1, y1 = self.box_xyxy
        return y1 - y0, x1 - x0


def crops_of(size_hw: tuple[int, int], layers: int, overlap_ratio: float) -> list[Crop]:
    """Return the whole image and the crops of every layer, column by column within a layer.

    Args:
        size_hw: (H, W) of the image.
        layers: number of crop layers in addition to the whole image.
        overlap_ratio: overlap in the first layer, as a fraction of the short side; halved with every layer.

    Crops without area, in images of a few pixels, are left out.
    """
    H, W = size_hw  # noqa: N806
    crops = [Crop((0, 0, W, H), 0)]
    for layer in range(1, layers + 1):
        per_side = 2**layer
        overlap = int(overlap_ratio * min(H, W) * (2 / per_side))
        width = math.ceil((overlap * (per_side - 1) + W) / per_side)
        height = math.ceil((overlap * (per_side - 1) + H) / per_side)
        lefts = [int((width - overlap) * i) for i in range(per_side)]
        tops = [int((height - overlap) * i) for i in range(per_side)]
        boxes = [(x, y, min(x + width, W), min(y + height, H)) for x, y in product(lefts, tops)]
        crops += [Crop(box, layer) for box in boxes if box[2] > box[0] and box[3] > box[1]]
    return crops
