"""Masks as polygons without holes, for formats without support for holes.

A hole is connected to the outline above it by a line that is traversed in both directions, so that one polygon encloses
the foreground and its holes. By the even-odd rule the line cancels out and costs no pixel. Separate parts are connected
in the same way for formats with one polygon per object, but there the line crosses background, and readers that draw
the outline as part of the area show it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from samara.masks.columns import columns_of
from samara.masks.outlines import Segments, TopEdges, are_shells, loops_of, segments_of, top_left

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samara.masks.rle import Rle

Polygon: TypeAlias = "NDArray[np.float64]"
"""(K, 2) corners x, y of a closed outline; the last is not the first again."""

# Start position along a segment, and corners of the detour.
_Detour: TypeAlias = tuple[float, list[tuple[float, float]]]

# Bounds for masks of noise.
_MAX_PARTS = 256
_MAX_PAIRS = 1 << 18

# Shift of a border towards the foreground, in x and y, for each walking direction.
_INWARDS = np.array([(0, 1), (-1, 0), (0, -1), (1, 0)], np.float64)


def polygons_of(rle: Rle, inset: float = 0.0) -> list[Polygon]:
    """Outline each connected part of a mask with one polygon, including its holes.

    Args:
        rle: the mask.
        inset: shift of all borders towards the foreground in pixels, from 0 to below 0.1: COCO's rule then reproduces
            the mask exactly. With more than 0, so do readers that truncate fractions and draw the outline as part of
            the area (OpenCV's `fillPoly`, used by most YOLO readers).

    Returns:
        One polygon per 4-connected part, column by column; none for an empty mask.
    """
    runs = columns_of(rle)
    segments = segments_of(runs, rle.height, rle.width)
    loops = list(loops_of(segments))
    kinds = are_shells(loops, segments)
    shells = [loop for loop, is_shell in zip(loops, kinds, strict=True) if is_shell]
    holes = [_from_top_left(loop, segments) for loop, is_shell in zip(loops, kinds, strict=True) if not is_shell]
    corners = _moved(segments, inset)
    tops = TopEdges(runs, segments)
    tied: dict[int, list[_Detour]] = {}
    # Bottom up: detours of a hole are known before the hole itself is connected to what is above it.
    for loop in sorted(holes, key=lambda loop: int(segments.y[loop[0]]), reverse=True):
        # Seen from the corner, the foreground on the left continues upwards; on the right it may not.
        above = tops.above(int(segments.x[loop[0]]) - 1, int(segments.y[loop[0]]) - 1)
        walk = _walk(loop, corners, tied)
        x, y = walk[0][0], float(corners[above, 1])
        tied.setdefault(above, []).append((x, [(x, y), *walk, walk[0], (x, y)]))
    return [np.array(_walk(loop, corners, tied)) for loop in shells]


def one_polygon_of(rle: Rle, inset: float = 0.0) -> Polygon:
    """Outline a mask of any number of parts with a single polygon.

    The largest part comes first; each further one, by descending area, is connected to the nearest existing corner. A
    part with fewer pixels than its connecting line would cross is dropped, since it would cost readers that draw the
    line more than it gains; so are all parts after the 256th.

    Args:
        rle: the mask.
        inset: see `polygons_of`.

    Returns:
        The polygon; (0, 2) for an empty mask.
    """
    polygons = sorted(polygons_of(rle, inset), key=_area, reverse=True)[:_MAX_PARTS]
    if not polygons:
        return np.empty((0, 2))
    joined = [polygons[0]]
    hangs_on: list[tuple[int, int, int]] = []  # for each further one: polygon, its corner, own corner
    for polygon in polygons[1:]:
        there, here, distance = _nearest(np.concatenate(joined), polygon)
        if distance < _area(polygon) + 1:
            owner = int(np.searchsorted(np.cumsum([len(one) for one in joined]), there, side="right"))
            hangs_on.append((owner, there - sum(len(one) for one in joined[:owner]), here))
            joined.append(polygon)
    tied: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for number in range(len(joined) - 1, 0, -1):
        owner, there, here = hangs_on[number - 1]
        walk = _with_tied(number, joined[number], here, tied)
        tied.setdefault((owner, there), []).extend([*walk, walk[0], tuple(joined[owner][there].tolist())])
    return np.array(_with_tied(0, joined[0], 0, tied))


def _with_tied(
    number: int, polygon: Polygon, begin: int, tied: dict[tuple[int, int], list[tuple[float, float]]]
) -> list[tuple[float, float]]:
    """Return the corners of a polygon from one of them, with a detour to each connected polygon."""
    corners = [(x, y) for x, y in polygon.tolist()]
    walk: list[tuple[float, float]] = []
    for index in [*range(begin, len(corners)), *range(begin)]:
        walk += [corners[index], *tied.get((number, index), ())]
    return walk


def _area(polygon: Polygon) -> float:
    x, y = polygon.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2


def _nearest(first: Polygon, second: Polygon) -> tuple[int, int, float]:
    """Return nearby corners of two polygons, and the number of pixels that a line between them crosses."""
    # For very long outlines only a subset of the corners is compared.
    stride = 1 + len(first) * len(second) // _MAX_PAIRS
    distances = np.abs(first[::stride, np.newaxis] - second[np.newaxis]).max(2)
    there, here = divmod(int(distances.argmin()), len(second))
    return there * stride, here, float(distances[there, here])


def _from_top_left(loop: list[int], segments: Segments) -> list[int]:
    begin = top_left(loop, segments)
    return loop[begin:] + loop[:begin]


def _moved(segments: Segments, inset: float) -> Polygon:
    """Return the corners moved inwards with their two adjacent borders."""
    inwards = _INWARDS[segments.direction]
    at_begin = np.empty_like(inwards)
    at_begin[segments.following] = inwards
    moved: Polygon = segments.corners + inset * (inwards + at_begin)
    return moved


def _walk(loop: list[int], corners: Polygon, tied: dict[int, list[_Detour]]) -> list[tuple[float, float]]:
    """Return the corners along a loop, with a detour around each connected hole."""
    walk: list[tuple[float, float]] = []
    for segment, (x, y) in zip(loop, corners[loop].tolist(), strict=True):
        walk.append((x, y))
        # Holes are connected to top edges, which are walked to the right.
        for _, detour in sorted(tied.get(segment, ())):
            walk += detour
    return walk
