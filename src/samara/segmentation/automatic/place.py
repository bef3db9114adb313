"""The part of an image that is searched at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from samara.images.preprocessing import Frame
from samara.masks.boxes import near_crop_edge
from samara.segmentation.automatic.crops import Crop


@dataclass(frozen=True)
class Place:
    """Search area: a crop of an image of `size_hw`, and its frame in the input square."""

    frame: Frame
    crop: Crop
    size_hw: tuple[int, int]

    @property
    def corner_xy(self) -> tuple[int, int]:
        """The crop's upper left corner in the image."""
        x0, y0, _, _ = self.crop.box_xyxy
        return x0, y0

    def inclusive(self, boxes_xyxy: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Move boxes (M, 4) from the crop to the image; right and bottom inclusive, as in the reference, for NMS."""
        boxes = np.asarray(boxes_xyxy, dtype=np.int64).reshape(-1, 4)
        moved: npt.NDArray[np.float32] = (boxes - [0, 0, 1, 1] + [*self.corner_xy, *self.corner_xy]).astype(np.float32)
        return moved

    def is_whole(self, boxes_xyxy: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return (M,) whether masks with these boxes (M, 4), in the crop, are not cut off by the crop's edge."""
        return ~near_crop_edge(self.inclusive(boxes_xyxy), self.crop.box_xyxy, self.size_hw)
