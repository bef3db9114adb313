"""A mask as runs of its pixel columns, and as the window around it: cost proportional to the mask, not the image.

COCO's runs continue from the bottom of a column to the top of the next; here they are split there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samara.masks.rle import Rle


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The R vertical runs of a mask, left to right and top to bottom.

    Attributes:
        column: (R,) int64, x of each run.
        top: (R,) int64, its first row.
        bottom: (R,) int64, the row after its last.
    """

    column: NDArray[np.int64]
    top: NDArray[np.int64]
    bottom: NDArray[np.int64]


def columns_of(rle: Rle) -> Columns:
    """Split the runs of a mask at the ends of columns; R = 0 for an empty mask."""
    edges = rle.edges()
    starts, stops = edges[0::2], edges[1::2]
    first = starts // rle.height
    counts = (stops - 1) // rle.height - first + 1
    run = np.repeat(np.arange(starts.size), counts)
    column = first[run] + np.arange(run.size) - np.repeat(np.cumsum(counts) - counts, counts)
    offset = column * rle.height
    top = np.maximum(starts[run], offset) - offset
    bottom = np.minimum(stops[run], offset + rle.height) - offset
    return Columns(column, top, bottom)


def window_of(rle: Rle) -> NDArray[np.bool_]:
    """Decode a mask within its box only.

    Returns:
        (y1 - y0, x1 - x0) bool for `rle.box_xyxy`; (0, 0) for an empty mask.
    """
    left, top, right, bottom = rle.box_xyxy
    runs = columns_of(rle)
    # +1 where a run starts and -1 after it, summed downwards; an extra row takes the ends at the bottom.
    steps = np.zeros((bottom - top + 1, right - left), np.int8)
    steps[runs.top - top, runs.column - left] = 1
    np.add.at(steps, (runs.bottom - top, runs.column - left), -1)
    inside: NDArray[np.bool_] = np.cumsum(steps[:-1], axis=0, dtype=np.int8).astype(np.bool_)
    return inside
