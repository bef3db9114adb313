"""Polygons to masks, by COCO's rule, so that masks of the same file are the same everywhere.

COCO draws the outline on a grid five times as fine as the pixels and looks only at where it crosses from the
third to the fourth of a pixel column's five fine columns. Here each edge computes just these crossings, instead
of its whole outline: the work depends on the columns that an edge spans, not on its length in fine pixels, and
columns outside the image cost nothing. The crossings of a column, sorted, are the ends of its runs.

The arithmetic is COCO's, in 64-bit floats, operation by operation: rounding decides on which side an outline
through the middle of a fine pixel falls. Compilers for ARM may fuse COCO's own multiplication and addition, so that
pycocotools itself can differ there from what it says on x86.

Source: COCO API, `maskApi.c` (the rule only).
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from samara.errors import SettingsError
from samara.masks.rle import Rle

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FINE = 5  # fine columns and rows of a pixel
# A crossing lies between these two fine columns of a pixel.
_BEFORE, _BEHIND = 2, 3
# Far from every possible image; and fine coordinates stay exact.
_MAX_COORDINATE = float(1 << 35)
# 100 times what the most detailed outlines of large aerial images need; memory for it stays below 2 GB.
_MAX_CROSSINGS = 1 << 24


def rasterise_polygons(parts: Sequence[Sequence[float] | NDArray[np.float64]], height: int, width: int) -> Rle:
    """Draw an object of one or several polygons.

    A pixel is inside by COCO's rule, even-odd within one polygon; the parts are united, so that none cuts a hole into
    another. What lies outside the image is cut off; an object that covers no pixel's middle gives an empty mask.

    Args:
        parts: polygons, each x1, y1, x2, y2, ... in pixels of the image, with at least 3 points; (0, 0) is the
            top left corner of the top left pixel. The last point need not repeat the first.
        height: H of the image.
        width: W of the image.

    Returns:
        The mask, the one that pycocotools makes of the same polygons.

    Raises:
        SettingsError: no part, fewer than three points, an odd count, anything but finite numbers, or a size that
            no image has.
    """
    corners = [_fine_corners(part) for part in parts]
    if not corners:
        raise SettingsError("A mask of polygons needs at least one polygon, and there is none.")
    _require_size(height, width)
    part, column, row = _crossings(corners, height, width)
    # One more than there are pixels, so that the end of a part is not the beginning of the next.
    stride = height * width + 1
    edges = part * stride + column * height + row
    edges.sort()
    return Rle.from_edges(edges if len(corners) == 1 else _united(edges, stride), height, width)


@lru_cache(maxsize=16)
def _require_size(height: int, width: int) -> None:
    """Refuse what no mask can have; remembered, since the objects of an image come one after the other."""
    Rle.from_edges(np.empty(0, np.int64), height, width)


def _fine_corners(part: Sequence[float] | NDArray[np.float64]) -> NDArray[np.int64]:
    """Corners of a polygon on the fine grid, (K, 2) of x, y."""
    try:
        numbers = np.asarray(part)
    except ValueError:  # lists of unequal length within the list
        numbers = np.empty(0, np.object_)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iuf":
        raise SettingsError(f"A polygon must be a list of numbers x1, y1, x2, y2, ..., not {reprlib.repr(part)}.")
    if numbers.size % 2 or numbers.size < 6:
        raise SettingsError(
            f"A polygon must have an x and a y for each of 3 or more points; this one has {numbers.size} numbers."
        )
    numbers = numbers.astype(np.float64, copy=False)
    # NaN compares as false.
    if not (np.abs(numbers) < _MAX_COORDINATE).all():
        raise SettingsError("A polygon must have finite coordinates in pixels; this one has NaN or gigantic values.")
    # Truncated towards zero, not rounded: below zero that is another number, and COCO's.
    return (_FINE * numbers + 0.5).astype(np.int64).reshape(-1, 2)


def _crossings(
    corners: Sequence[NDArray[np.int64]], height: int, width: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Where outlines cross the middle of pixel columns: part, column 0..W - 1 and row 0..H of each, (K,)."""
    start = np.concatenate(corners)
    end = np.concatenate([shifted for one in corners for shifted in (one[1:], one[:1])])
    left, right = np.minimum(start[:, 0], end[:, 0]), np.maximum(start[:, 0], end[:, 0])
    first = np.maximum(-((_BEFORE - left) // _FINE), 0)
    last = np.minimum((right - _BEHIND) // _FINE, width - 1)
    counts = np.maximum(last - first + 1, 0)
    total = int(counts.sum())
    if total > _MAX_CROSSINGS:
        raise SettingsError(
            f"The outline of a mask crosses pixel columns {total} times, which no drawn outline does; simplify it."
        )
    edge = np.repeat(np.arange(counts.size), counts)
    column = np.arange(total) - np.repeat(np.cumsum(counts) - counts - first, counts)
    fine_row = np.empty(total, np.int64)
    run, rise = np.abs(end - start).T
    steep = (run < rise)[edge]
    for chosen, fine_rows in ((~steep, _rows_of_flat), (steep, _rows_of_steep)):
        if chosen.any():
            fine_row[chosen] = fine_rows(start[edge[chosen]], end[edge[chosen]], _FINE * column[chosen] + _BEFORE)
    part = np.repeat(np.arange(len(corners)), [len(one) for one in corners])[edge]
    # The first pixel whose middle is not above the crossing.
    return part, column, np.clip(-((_BEFORE - fine_row) // _FINE), 0, height)


def _rows_of_flat(start: NDArray[np.int64], end: NDArray[np.int64], before: NDArray[np.int64]) -> NDArray[np.int64]:
    """Fine rows where edges no steeper than 45 degrees pass from fine column `before` to the next; (K,).

    Such an edge has one fine pixel in each fine column. The upper one of the two counts.
    """
    (x, y), (x_end, y_end) = _ordered(start, end, axis=0)
    slope = (y_end - y) / (x_end - x)
    upper = before + (slope < 0)
    rows: NDArray[np.int64] = (y + slope * (upper - x) + 0.5).astype(np.int64)
    return rows


def _rows_of_steep(start: NDArray[np.int64], end: NDArray[np.int64], before: NDArray[np.int64]) -> NDArray[np.int64]:
    """As `_rows_of_flat`, for edges with one fine pixel in each fine row: the last row on the upper side."""
    (x, y), (x_end, y_end) = _ordered(start, end, axis=1)
    slope = (x_end - x) / (y_end - y)
    border = before + 1  # left and right of it are the two fine columns
    downs = np.ceil((border - 0.5 - x) / slope) - 1
    # The quotient may be wrong in the last digit; whether a pixel is across the border is COCO's to say.
    for _ in range(2):
        reached = x + slope * downs + 0.5
        downs += np.where(slope > 0, reached < border, reached >= border)
    rows: NDArray[np.int64] = y + downs.astype(np.int64) - 1
    return rows


def _ordered(
    start: NDArray[np.int64], end: NDArray[np.int64], axis: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Both ends of edges, each (2, K), the one with the smaller coordinate first, from where COCO counts."""
    swap = (start[:, axis] > end[:, axis])[:, np.newaxis]
    return np.where(swap, end, start).T, np.where(swap, start, end).T


def _united(edges: NDArray[np.int64], stride: int) -> NDArray[np.int64]:
    """Unite the runs of several parts, each part `stride` behind the one before; sorted edges in and out."""
    starts, stops = np.sort(edges[0::2] % stride), edges[1::2] % stride
    order = np.argsort(edges[0::2] % stride, kind="stable")
    reach = np.maximum.accumulate(stops[order])
    is_first = np.concatenate([[True], starts[1:] > reach[:-1]])[: starts.size]
    united = np.empty(2 * int(is_first.sum()), np.int64)
    united[0::2] = starts[is_first]
    united[1::2] = reach[np.roll(is_first, -1)]
    return united
