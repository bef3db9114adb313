"""Rasterising polygons with pycocotools, so that masks of the same file are the same everywhere.

pycocotools draws outlines on a grid five times as fine as the pixels, keeps all their points in memory and computes in
32 bits, without refusing invalid input. So everything is validated first.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from pycocotools import mask as coco_mask

from samara.errors import SettingsError
from samara.masks.rle import Rle
from samara.masks.run_alphabet import PYCOCOTOOLS_MAX_PIXELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Outlines of 13 million pixels, which take 0.6 GB: more than any detailed outline on a large aerial image.
_MAX_LENGTH = (1 << 26) / 5


def rasterise_polygons(parts: Sequence[Sequence[float] | NDArray[np.float64]], height: int, width: int) -> Rle:
    """Draw an object of one or several polygons.

    A pixel is inside by COCO's rule, even-odd within one polygon; the parts are united, so that none cuts a hole into
    another. The result is clipped to the image; an object that covers no pixel centre becomes an empty mask.

    Args:
        parts: polygons, each x1, y1, x2, y2, ... in pixels of the image, with at least 3 points; (0, 0) is the
            top left corner of the top left pixel. The last point need not repeat the first.
        height: H of the image.
        width: W of the image.

    Returns:
        The mask that pycocotools makes of the same polygons.

    Raises:
        SettingsError: there is no part, a polygon has fewer than three points, an odd count or non-finite numbers, an
            outline has 13 million pixels or more, or the size is impossible.
    """
    outlines = [_outline(part) for part in parts]
    if not outlines:
        raise SettingsError("A mask of polygons needs at least one polygon, and there is none.")
    _require_size(height, width)
    _require_length(outlines)
    drawn = coco_mask.merge(coco_mask.frPyObjects(outlines, height, width))
    return Rle(height, width, drawn["counts"])


@lru_cache(maxsize=16)
def _require_size(height: int, width: int) -> None:
    """Refuse impossible sizes; cached, since the objects of an image come in sequence."""
    Rle.from_edges(np.empty(0, np.int64), height, width)
    if height * width > PYCOCOTOOLS_MAX_PIXELS:
        raise SettingsError(f"Polygons can be drawn into images below 2²⁹ pixels, not into {height} x {width}.")


def _outline(part: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the corners of a polygon, (2K,) of x, y, x, y, ..."""
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
    if not (np.abs(numbers) < np.inf).all():
        raise SettingsError("A polygon must have finite coordinates in pixels; this one has NaN or infinite values.")
    return numbers


def _require_length(outlines: Sequence[NDArray[np.float64]]) -> None:
    """Refuse outlines that would take unbounded time and memory, and coordinates beyond 32 bits."""
    reach = max(float(np.abs(outline).max()) for outline in outlines)
    if reach * sum(outline.size for outline in outlines) <= _MAX_LENGTH:
        return  # however often they turn
    length = reach + sum(_length(outline.reshape(-1, 2)) for outline in outlines)
    if length > _MAX_LENGTH:
        raise SettingsError(
            f"The outline of a mask is {length:.3g} pixels long or away from the image, too much for a drawn "
            "outline; simplify it."
        )


def _length(corners: NDArray[np.float64]) -> float:
    """Return approximately how many pixels the outline of (K, 2) corners passes."""
    return float(np.abs(corners - np.roll(corners, 1, 0)).max(1).sum())
