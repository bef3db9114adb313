"""From the masks decoded in one crop to those that survive: stable, whole, and not suppressed by a better one.

A mask that does not survive is not worth its run lengths, and often not even its pixels. So filters and box NMS run
first, and only survivors are encoded: in windows on a CPU (`window_search`), in batches on an accelerator, whose host
should not wait for every mask (`batch_search`). Both find what the official steps find, one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from samara.engines.engine import DecodedMasks
from samara.masks.rle import Rle


@dataclass(frozen=True)
class Criteria:
    """What a mask must satisfy to survive.

    Attributes:
        threshold: mask threshold in logits.
        offset: threshold shift of the stability score, see `samara.masks.stability`.
        min_stability: minimum stability score.
        box_nms_thresh: box IoU with a better survivor above which a mask is dropped.
    """

    threshold: float
    offset: float
    min_stability: float
    box_nms_thresh: float


@dataclass(frozen=True)
class Survivors:
    """M masks by descending predicted IoU; none is empty.

    Attributes:
        rles: masks in the image's frame.
        prompt: (M,) int64, index of each mask's point.
        predicted_iou: (M,) float64.
        stability: (M,) float64, stability scores in [0, 1].
    """

    rles: tuple[Rle, ...]
    prompt: npt.NDArray[np.int64]
    predicted_iou: npt.NDArray[np.float64]
    stability: npt.NDArray[np.float64]


class Search(Protocol):
    """A search of one crop."""

    def add(self, decoded: DecodedMasks, first_prompt: int) -> None:
        """Add the masks of a batch of points.

        Args:
            decoded: masks that passed the threshold of predicted IoU.
            first_prompt: index of the batch's first point among those of the crop.
        """
        ...

    def survivors(self) -> Survivors:
        """Return the surviving masks among all that were added."""
        ...
