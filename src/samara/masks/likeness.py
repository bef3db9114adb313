"""Properties of the masks of one image that show which of them deserve a look: parts, fit to a box, near duplicates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from samara.masks.columns import columns_of
from samara.masks.overlap import areas_of, boxes_of_rles, mask_iou, pixels_shared_by_boxes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samara.masks.rle import Rle

TWIN_IOU = 0.8
"""Masks with a smaller IoU are not near duplicates."""


def count_parts(rle: Rle) -> int:
    """Count the 8-connected parts of a mask, from its runs: without decoding it."""
    runs = columns_of(rle)
    key = rle.height + 2  # apart for runs of different columns
    # Runs of the next column that a run touches, also by a corner.
    first = np.searchsorted(runs.column * key + runs.bottom, (runs.column + 1) * key + runs.top, side="left")
    end = np.searchsorted(runs.column * key + runs.top, (runs.column + 1) * key + runs.bottom, side="right")
    counts = np.maximum(end - first, 0)
    left = np.repeat(np.arange(counts.size), counts)
    right = first[left] + np.arange(left.size) - np.repeat(np.cumsum(counts) - counts, counts)
    return _count_components(runs.column.size, left, right)


def _count_components(nodes: int, a: NDArray[np.int64], b: NDArray[np.int64]) -> int:
    """Count the connected components of a graph with edges between `a` and `b`."""
    root = np.arange(nodes)
    while a.size:
        # Here each node points to the root of its component; roots that an edge connects become one.
        np.minimum.at(root, np.maximum(root[a], root[b]), np.minimum(root[a], root[b]))
        while not np.array_equal(jumped := root[root], root):
            root = jumped
        apart = root[a] != root[b]
        a, b = a[apart], b[apart]
    return int((root == np.arange(nodes)).sum())


def area_in_box(rle: Rle, box_xyxy: Sequence[float]) -> int:
    """Count the pixels of a mask whose centre is in a box (x0, y0, x1, y1), in pixels."""
    x0, y0, x1, y1 = (math.ceil(side - 0.5) for side in box_xyxy)
    runs = columns_of(rle)
    heights = (np.minimum(runs.bottom, y1) - np.maximum(runs.top, y0)).clip(0)
    return int(heights[(runs.column >= x0) & (runs.column < x1)].sum())


def twin_iou(rles: Sequence[Rle]) -> NDArray[np.float64]:
    """Return the highest IoU of each mask with another one of the same image.

    Args:
        rles: M masks.

    Returns:
        (M,) in [0, 1]; 0 where it is less than `TWIN_IOU`.
    """
    highest = np.zeros(len(rles))
    order = np.argsort(areas_of(rles), kind="stable")
    areas, boxes = areas_of(rles)[order], boxes_of_rles(rles)[order]
    for place, area in enumerate(areas):
        # Sorted by area, so that an IoU of at least `TWIN_IOU` is possible only with the next few.
        end = int(np.searchsorted(areas, area / TWIN_IOU, side="right")) if area else place
        near = np.arange(place + 1, end)
        near = near[pixels_shared_by_boxes(boxes[place], boxes[near]) >= TWIN_IOU * areas[near]]
        if near.size:
            iou = mask_iou([rles[order[place]]], [rles[order[other]] for other in near])[0]
            iou[iou < TWIN_IOU] = 0.0
            highest[order[place]] = max(highest[order[place]], iou.max())
            highest[order[near]] = np.maximum(highest[order[near]], iou)
    return highest
