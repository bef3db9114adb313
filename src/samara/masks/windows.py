"""Masks and windows of an image: cropping to a window, and joining masks of several windows, on run lengths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from samara.errors import SettingsError
from samara.masks.overlap import require_one_size
from samara.masks.rle import Rle


def cut(rle: Rle, box_xyxy: tuple[int, int, int, int]) -> Rle:
    """Crop a mask to a window, without decoding it; the inverse of `samara.masks.rle.place`.

    Args:
        rle: mask of an image.
        box_xyxy: the window, in pixels, right and bottom exclusive.

    Returns:
        The mask in the window's frame.

    Raises:
        SettingsError: the window is empty or extends beyond the image.
    """
    x0, y0, x1, y1 = box_xyxy
    if not (0 <= x0 < x1 <= rle.width and 0 <= y0 < y1 <= rle.height):
        raise SettingsError(
            f"A window from ({x0}, {y0}) to ({x1}, {y1}) does not lie in a mask of {rle.height} x {rle.width} pixels."
        )
    edges = rle.edges()
    # Only the window's columns; then one run per column, because rows are cropped as well.
    starts = np.maximum(edges[0::2], x0 * rle.height)
    stops = np.minimum(edges[1::2], x1 * rle.height)
    inside = starts < stops
    column, top, bottom = _runs_by_column(starts[inside], stops[inside], rle.height)
    top, bottom = np.maximum(top, y0), np.minimum(bottom, y1)
    left_over = top < bottom
    shift = (column[left_over] - x0) * (y1 - y0) - y0
    pieces = np.stack([top[left_over] + shift, bottom[left_over] + shift], 1)
    return Rle.from_edges(pieces.ravel(), y1 - y0, x1 - x0)


def union(rles: Sequence[Rle]) -> Rle:
    """Join masks of one image.

    Raises:
        SettingsError: there is none, or they belong to images of different sizes.
    """
    if not rles:
        raise SettingsError("At least one mask is needed for a union.")
    require_one_size(rles)
    positions = np.concatenate([rle.edges() for rle in rles])
    steps = np.tile(np.array([1, -1]), positions.size // 2)
    # Number of masks that cover the pixels after each position; the union starts and ends where it leaves or reaches 0.
    places, place_of = np.unique(positions, return_inverse=True)
    covering = np.cumsum(np.bincount(place_of, steps, places.size))
    covered = covering > 0.5
    changes = np.diff(covered, prepend=False)
    return Rle.from_edges(places[changes], rles[0].height, rles[0].width)


def _runs_by_column(
    starts: NDArray[np.int64], stops: NDArray[np.int64], height: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Split runs that continue in the next column: return column, first row and exclusive last row of each part."""
    first = starts // height
    count = (stops - 1) // height - first + 1
    run = np.repeat(np.arange(starts.size), count)
    column = first[run] + np.arange(run.size) - np.repeat(np.cumsum(count) - count, count)
    top = np.maximum(starts[run] - column * height, 0)
    bottom = np.minimum(stops[run] - column * height, height)
    return column, top, bottom
