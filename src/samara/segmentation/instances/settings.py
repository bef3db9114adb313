"""The settings of finding instances."""

from __future__ import annotations

import math
from dataclasses import dataclass

from samara.segmentation.ranges import Range, check_ranges


@dataclass(frozen=True, kw_only=True)
class InstanceSettings:
    """How instances are found with FastSAM and YOLO-seg.

    Attributes:
        confidence_thresh: keep instances whose confidence is above this, in [0, 1]; None for the checkpoint's own.
        box_nms_thresh: box IoU above which, of two instances of a class, the less confident one goes, in [0, 1];
            None for the checkpoint's own.
        max_instances: most instances of an image, the most confident; at least 1.
        min_mask_region_area: holes and specks below so many pixels are removed, 0 for none.
        mask_nms_thresh: mask IoU above which the less confident mask goes, whatever its class; None for no such step.
        containment_thresh: a mask goes if it and a better one share more than this fraction of the smaller of the
            two; None for no such step.
        exclusive: give every pixel to at most one mask, the smallest.
        hierarchy: fill `MaskSet.parent`.
    """

    confidence_thresh: float | None = None
    box_nms_thresh: float | None = None
    max_instances: int = 300
    min_mask_region_area: int = 0
    mask_nms_thresh: float | None = None
    containment_thresh: float | None = None
    exclusive: bool = False
    hierarchy: bool = False

    def __post_init__(self) -> None:
        check_ranges(self, _RANGES)


_RANGES: dict[str, Range] = {
    "confidence_thresh": (0, 1),
    "box_nms_thresh": (0, 1),
    "max_instances": (1, math.inf),
    "min_mask_region_area": (0, math.inf),
    "mask_nms_thresh": (0, 1),
    "containment_thresh": (0, 1),
}
