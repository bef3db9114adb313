"""Masks that do not overlap: every pixel is assigned to at most one mask.

Automatic masks overlap; a label map, a panoptic data set or a cut-out needs disjoint masks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from samara.errors import SettingsError
from samara.masks.overlap import areas_of, require_one_size
from samara.masks.rle import Rle


def exclusive(rles: Sequence[Rle], order: Literal["largest_first"] = "largest_first") -> list[Rle]:
    """Paint masks over each other and keep the visible part of each.

    The largest is painted first, so that small objects are on top of large ones; of equally large masks the earlier one
    is on top. The union is unchanged. Memory: one int32 label per pixel, whatever M is.

    Args:
        rles: M masks of one image.
        order: order of painting; there is only one so far.

    Returns:
        M masks in the given order; one that is covered completely is empty.

    Raises:
        SettingsError: the order is unknown, or the masks have different sizes.
    """
    if order != "largest_first":
        raise SettingsError(f'Masks can be painted in the order "largest_first", not {order!r}.')
    require_one_size(rles)
    if not rles:
        return []
    height, width = rles[0].height, rles[0].width
    return [Rle.from_edges(edges, height, width) for edges in _edges_by_label(_paint(rles), len(rles))]


def label_map(rles: Sequence[Rle]) -> NDArray[np.int32]:
    """Paint masks over each other like `exclusive`, into one image of their indices.

    Args:
        rles: M masks of one image, M at least 1.

    Returns:
        (H, W) the index of the topmost mask at every pixel, -1 for none.

    Raises:
        SettingsError: there is no mask, or the masks have different sizes.
    """
    if not rles:
        raise SettingsError("A label map needs at least one mask, which determines its size.")
    require_one_size(rles)
    return _paint(rles).reshape(rles[0].width, rles[0].height).T


def _paint(rles: Sequence[Rle]) -> NDArray[np.int32]:
    """Label every pixel with the index of the topmost mask, or -1; (H · W,) in column order."""
    labels = np.full(rles[0].height * rles[0].width, -1, np.int32)
    # Sorting the reversed areas puts the later of two equals first, so that the earlier is painted over it.
    largest_first = len(rles) - 1 - np.argsort(-areas_of(rles)[::-1], kind="stable")
    for index in largest_first:
        edges = rles[index].edges()
        if edges.size:
            span = labels[edges[0] : edges[-1]]
            foreground = np.arange(edges.size - 1) % 2 == 0
            span[np.repeat(foreground, np.diff(edges))] = index
    return labels


def _edges_by_label(labels: NDArray[np.int32], count: int) -> list[NDArray[np.int64]]:
    """Split a label map into the edges of its labels' runs; `count` arrays (2R,)."""
    starts = np.concatenate([[0], np.flatnonzero(labels[1:] != labels[:-1]) + 1])
    stops = np.append(starts[1:], labels.size)
    # Sorting is stable: within a label the runs stay in the order of the image.
    by_label = np.argsort(labels[starts], kind="stable")
    edges = np.stack([starts, stops], 1)[by_label].astype(np.int64, copy=False)
    ends = np.searchsorted(labels[starts][by_label], np.arange(count + 1))
    return [edges[begin:end].ravel() for begin, end in pairwise(ends)]
