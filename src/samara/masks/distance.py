"""The centre of a region: the pixel that is farthest from its border.

Used for a simulated user's first click (Kirillov et al. 2023, appendix D.1 "Point sampling"), and for corrective clicks
(Sofiiuk et al. 2021, RITM, section 4).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samara.masks.rle import Rle


def deepest_pixel(
    region: NDArray[np.bool_], forbidden: Iterable[tuple[int, int]] = ()
) -> tuple[tuple[int, int], float]:
    """Find the pixel of a region that is farthest from its border.

    The distance is Euclidean, to the nearest pixel outside the region; everything beyond the image is outside. Of
    several such pixels it is the topmost, and of these the leftmost.

    Args:
        region: (H, W) bool.
        forbidden: pixels (x, y) that must not be chosen, e.g. earlier clicks; they still belong to the region.

    Returns:
        The pixel as (x, y), and its distance; distance 0 if there is none, and the pixel is then meaningless.
    """
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    if not rows.size:
        return (0, 0), 0.0
    top, left = int(rows[0]), int(columns[0])
    # The region is inside its box, so the box contains everything the distance depends on.
    box = region[top : rows[-1] + 1, left : columns[-1] + 1].astype(np.uint8)
    distance = cv2.distanceTransform(np.pad(box, 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    for x, y in forbidden:
        if 0 <= y - top < distance.shape[0] and 0 <= x - left < distance.shape[1]:
            distance[y - top, x - left] = 0
    y, x = divmod(int(distance.argmax()), distance.shape[1])
    return (left + x, top + y), float(distance[y, x])


def centre_of(rle: Rle) -> tuple[int, int]:
    """Return the pixel of a non-empty mask that is farthest from its border, (x, y); see `deepest_pixel`."""
    x0, y0, x1, y1 = rle.box_xyxy
    (x, y), _ = deepest_pixel(rle.decode()[y0:y1, x0:x1])
    return x0 + x, y0 + y
