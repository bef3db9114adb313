"""Which mask is part of which: a tree of wholes and parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from samara.errors import SettingsError
from samara.masks.overlap import (
    areas_of,
    boxes_of_rles,
    mask_intersection,
    pixels_shared_by_boxes,
    require_one_size,
)
from samara.masks.rle import Rle


def parents(rles: Sequence[Rle], containment_threshold: float = 0.95) -> NDArray[np.int64]:
    """Find for each mask the smallest one that contains it.

    A parent is strictly larger than its child, so there are no cycles, and of two equal masks neither is part of the
    other. An empty mask is part of nothing.

    Args:
        rles: M masks of one image.
        containment_threshold: min. fraction of a mask inside its parent; above 0, at most 1.

    Returns:
        (M,) index of the parent (of equally large ones the earliest), or -1 for none.

    Raises:
        SettingsError: the threshold is outside its range, or the masks have different sizes.
    """
    if not 0 < containment_threshold <= 1:
        raise SettingsError(f"The containment threshold must be above 0 and at most 1, not {containment_threshold}.")
    require_one_size(rles)
    areas, boxes = areas_of(rles), boxes_of_rles(rles)
    found = np.full(len(rles), -1, np.int64)
    smallest_first = np.argsort(areas, kind="stable")
    for child in np.flatnonzero(areas).tolist():
        larger = smallest_first[areas[smallest_first] > areas[child]]
        # The overlap of the boxes bounds that of the masks, which leaves few candidates to compare.
        most = pixels_shared_by_boxes(boxes[child], boxes[larger])
        for candidate in larger[most / areas[child] >= containment_threshold].tolist():
            common = int(mask_intersection([rles[child]], [rles[candidate]])[0, 0])
            if common / areas[child] >= containment_threshold:
                found[child] = candidate
                break
    return found
