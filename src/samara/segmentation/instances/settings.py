"""Settings of instance segmentation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from samara.segmentation.ranges import Range, check_ranges


@dataclass(frozen=True, kw_only=True)
class InstanceSettings:
    """Settings of instance segmentation with FastSAM and YOLO-seg.

    Attributes:
        confidence_thresh: minimum confidence, exclusive, in [0, 1]; None for the checkpoint's own.
        box_nms_thresh: box IoU above which the less confident of two instances of a class is dropped, in [0, 1]; None
            for the checkpoint's own.
        max_instances: maximum instances per image, the most confident; at least 1.
        min_mask_region_area: area in pixels below which holes and specks are removed, 0 to keep all.
        mask_nms_thresh: mask IoU above which the less confident mask of any class is dropped; None to skip this step.
        containment_thresh: fraction of the smaller of two masks above which their overlap drops the worse one; None to
            skip this step.
        exclusive: assign every pixel to at most one mask, the smallest.
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
