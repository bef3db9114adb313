"""Masks to outlines along the pixels' edges, exact to the pixel.

A mask's border consists of pixel edges. Here they are joined to straight segments, each walked with the foreground on
its right-hand side, and the segments to closed loops: shells clockwise on the screen, holes anticlockwise. Where two
foreground pixels touch only at a corner, the loop turns right: parts that share only a corner are different parts
(4-connected foreground, 8-connected background).

Corners are whole numbers, (0, 0) being the top left corner of the top left pixel, so that `rasterise_polygons` and COCO
reproduce the outlined mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from samara.masks.columns import Columns, columns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samara.masks.rle import Rle

Ring: TypeAlias = "NDArray[np.int64]"
"""(K, 2) corners x, y of a closed outline; the last is not the first again."""

# Directions, numbered so that one more is a turn to the right (y grows downwards).
_RIGHT, _DOWN, _LEFT, _UP = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class ConnectedPart:
    """A connected part of a mask.

    Attributes:
        shell: its outer outline, clockwise on the screen (positive area by the shoelace formula).
        holes: outlines of its holes, anticlockwise.
    """

    shell: Ring
    holes: tuple[Ring, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """The S straight pieces of a mask's border; each starts at a corner, where the previous one ends.

    Attributes:
        x: (S,) int64, start of each.
        y: (S,) int64, start of each.
        direction: (S,) 0 right, 1 down, 2 left, 3 up; foreground lies on the right-hand side.
        following: (S,) index of the piece that continues from the end of each.
    """

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    direction: NDArray[np.int64]
    following: NDArray[np.int64]

    @property
    def corners(self) -> Ring:
        """(S, 2), start of each piece."""
        return np.stack([self.x, self.y], 1)


def parts_of(rle: Rle) -> list[ConnectedPart]:
    """Outline a mask as simple features.

    No outline touches or crosses itself; those of a part touch each other in single points at most (valid by OGC 06-103
    and RFC 7946).

    Args:
        rle: the mask.

    Returns:
        Its 4-connected parts, by the first pixel of each, column by column; none for an empty mask.
    """
    runs = columns_of(rle)
    segments = segments_of(runs, rle.height, rle.width)
    loops = [simple for loop in loops_of(segments) for simple in _simple_loops(loop, segments)]
    shells = are_shells(loops, segments)
    loop_of = np.empty(segments.x.size, np.int64)
    for number, loop in enumerate(loops):
        loop_of[loop] = number
    holes = [number for number, shell in enumerate(shells) if not shell]
    # A hole belongs to what is above it: the shell itself, or a hole whose shell is already known.
    holes.sort(key=lambda number: int(segments.y[loops[number]].min()))
    tops = TopEdges(runs, segments)
    shell_of = {number: number for number, shell in enumerate(shells) if shell}
    within: dict[int, list[Ring]] = {number: [] for number in shell_of}
    corners = segments.corners
    for number in holes:
        x, y = corners[loops[number][top_left(loops[number], segments)]].tolist()
        shell_of[number] = shell_of[int(loop_of[tops.above(x, y - 1)])]
        within[shell_of[number]].append(corners[loops[number]])
    return [ConnectedPart(corners[loops[number]], tuple(rings)) for number, rings in within.items()]


def segments_of(runs: Columns, height: int, width: int) -> Segments:
    """Assemble the border of a mask.

    Args:
        runs: runs of the mask.
        height: H of the image.
        width: W of the image.
    """
    down_or_up = _vertical(runs, height)
    rightwards = _horizontal(runs.column, runs.top, width, _RIGHT)
    leftwards = _horizontal(runs.column, runs.bottom, width, _LEFT)
    x, y, x_end, y_end, direction = np.concatenate([down_or_up, rightwards, leftwards], axis=1)
    stride = height + 1
    begins, ends = (x * stride + y) * 4, (x_end * stride + y_end) * 4
    order = np.argsort(begins + direction)
    departures = (begins + direction)[order]
    # Where two segments leave a corner, follow the one to the right.
    turn = ends + (direction + 1) % 4
    place = np.searchsorted(departures, turn)
    is_right = np.append(departures, -1)[place] == turn
    place = np.where(is_right, place, np.searchsorted(departures, ends + (direction + 3) % 4))
    return Segments(x, y, direction, order[place])


def loops_of(segments: Segments) -> Iterator[list[int]]:
    """Walk along the border, yielding each closed loop's segments in order.

    A loop may touch itself at a corner. Loops come in the order of their first corners, column by column.
    """
    following = segments.following.tolist()
    is_walked = bytearray(len(following))
    for first in np.lexsort((segments.y, segments.x)).tolist():
        loop = []
        segment = first
        while not is_walked[segment]:
            is_walked[segment] = 1
            loop.append(segment)
            segment = following[segment]
        if loop:
            yield loop


def are_shells(loops: list[list[int]], segments: Segments) -> list[bool]:
    """Return for each loop whether it encloses foreground, not a hole."""
    if not loops:
        return []
    here = np.concatenate([np.array(loop) for loop in loops])
    there = segments.following[here]
    # Gauss's shoelace formula, twice the area.
    cross = segments.x[here] * segments.y[there] - segments.x[there] * segments.y[here]
    begins = np.cumsum([0] + [len(loop) for loop in loops[:-1]])
    positive: list[bool] = (np.add.reduceat(cross, begins) > 0).tolist()
    return positive


class TopEdges:
    """Finds the top edge above a foreground pixel."""

    def __init__(self, runs: Columns, segments: Segments) -> None:
        """Sort the top edges of a mask once for all its holes."""
        self._runs = runs
        tops = np.flatnonzero(segments.direction == _RIGHT)
        self._segments = tops[np.lexsort((segments.x[tops], segments.y[tops]))]
        self._x, self._y = segments.x[self._segments], segments.y[self._segments]

    def above(self, x: int, y: int) -> int:
        """Return the segment that ends the run of foreground upwards from pixel (x, y)."""
        top = int(self._runs.top[_last_at_most(self._runs.column, self._runs.top, x, y)])
        return int(self._segments[_last_at_most(self._y, self._x, top, x)])


def top_left(loop: list[int], segments: Segments) -> int:
    """Return the position in a loop of its topmost corner, of several the leftmost."""
    return int(np.lexsort((segments.x[loop], segments.y[loop]))[0])


def _last_at_most(major: NDArray[np.int64], minor: NDArray[np.int64], equal: int, limit: int) -> int:
    """Return the last entry, sorted by major and minor, with this major and a minor of at most the limit."""
    begin, end = np.searchsorted(major, equal), np.searchsorted(major, equal, side="right")
    return int(begin + np.searchsorted(minor[begin:end], limit, side="right")) - 1


def _vertical(runs: Columns, height: int) -> NDArray[np.int64]:
    """Return the vertical pieces of the border, (5, K): x, y, end x, end y, direction."""
    stride = height + 1
    left, right = runs.column * stride, (runs.column + 1) * stride
    place = np.concatenate([left + runs.top, left + runs.bottom, right + runs.top, right + runs.bottom])
    # Foreground to the left of a column border counts +1, to its right -1; if both, there is no border.
    one = np.ones(runs.column.size, np.int64)
    step = np.concatenate([-one, one, one, -one])
    order = np.argsort(place, kind="stable")
    place, step = place[order], step[order]
    is_first = np.concatenate([[True], place[1:] != place[:-1]])[: place.size]
    if place.size:
        step, place = np.add.reduceat(step, np.flatnonzero(is_first)), place[is_first]
    place, step = place[step != 0], step[step != 0]
    side = np.cumsum(step)[:-1]
    upper, lower = place[:-1][side != 0], place[1:][side != 0]
    is_down = side[side != 0] > 0
    begin, end = np.where(is_down, upper, lower), np.where(is_down, lower, upper)
    return np.stack(
        [begin // stride, begin % stride, end // stride, end % stride, np.where(is_down, _DOWN, _UP)]
    ).astype(np.int64, copy=False)


def _horizontal(column: NDArray[np.int64], row: NDArray[np.int64], width: int, direction: int) -> NDArray[np.int64]:
    """Return the horizontal pieces of the border, joined over neighbouring columns, (5, K) as in `_vertical`."""
    stride = width + 1
    place = np.sort(row * stride + column)
    is_first = np.concatenate([[True], place[1:] != place[:-1] + 1])[: place.size]
    is_last = np.concatenate([is_first[1:], [True]])[: place.size]
    left, right = place[is_first], place[is_last] + 1
    begin, end = (left, right) if direction == _RIGHT else (right, left)
    return np.stack([begin % stride, begin // stride, end % stride, end // stride, np.full(left.size, direction)])


def _simple_loops(loop: list[int], segments: Segments) -> Iterator[list[int]]:
    """Split a loop where it touches itself."""
    x, y = segments.x[loop].tolist(), segments.y[loop].tolist()
    corners = list(zip(x, y, strict=True))
    if len(set(corners)) == len(corners):
        yield loop
        return
    place: dict[tuple[int, int], int] = {}
    walked: list[tuple[tuple[int, int], int]] = []
    for corner, segment in zip(corners, loop, strict=True):
        if corner in place:
            cut = walked[place[corner] :]
            del walked[place[corner] :]
            for other, _ in cut:
                del place[other]
            yield [number for _, number in cut]
        place[corner] = len(walked)
        walked.append((corner, segment))
    yield [number for _, number in walked]
