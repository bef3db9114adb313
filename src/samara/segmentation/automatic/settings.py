"""Settings of automatic mask generation; generator, command line and documents derive from them.

This module does not import numpy, which keeps the command line's help fast.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from samara.errors import SettingsError
from samara.networks.variant import PointGrid, Variant
from samara.segmentation.ranges import Range, check_ranges

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from samara.engines.loaded import Loaded
    from samara.networks.variant import Variant

PIXELS_PER_POINT = 32
"""Of the input frame, along each side: two cells of the embedding, the official 32 points for the official 1024."""

POINTS_PER_BATCH = {"cpu": 64}
MORE_POINTS_PER_BATCH = 256
"""On other devices: the host should wait rarely, and the masks of a batch need 200 MB of low-res logits at most."""

DUPLICATE_IOU = 0.9
"""Mask IoU above which a mask counts as a duplicate of a better one."""


def own_points_per_side(frame_size: int) -> int:
    """Return the points along each side of a checkpoint's own grid, from the side of its input frame in pixels."""
    return max(1, frame_size // PIXELS_PER_POINT)


def points_per_side_of(variant: Variant, input_size: int, chosen: int | None = None) -> int | None:
    """Return the points per side of the grid of "everything"; None for what needs no grid, or does not do it.

    Args:
        variant: architecture of the checkpoint.
        input_size: side of its input in pixels.
        chosen: points per side to use; None for the checkpoint's own.
    """
    if not (variant.embeds_images and variant.capabilities.everything):
        return None
    return chosen or own_points_per_side(variant.frame_size(input_size))


@dataclass(frozen=True, kw_only=True)
class AutomaticSettings:
    """Settings of automatic mask generation.

    Names and defaults are those of the official generator (segment-anything `automatic_mask_generator.py` @dca509f);
    the last six are samara's additions. None stands for what the checkpoint's own generator does.

    Attributes:
        points_per_side: points along each side of the grid, at least 1; None for one for every 32 pixels of the
            input frame, as the official generator has them: 32 at 1024 pixels, 16 at the 512 of samara_mini.
        points_per_batch: points that are decoded before their masks are filtered, at least 1; None for the official 64
            on a CPU and 256 on an accelerator. It changes memory and speed, not the masks.
        pred_iou_thresh: keep masks whose predicted IoU is above this; None for the checkpoint's own, 0 for all.
        stability_score_thresh: keep masks whose stability score is at least this, in [0, 1]; None for the
            checkpoint's own, 0 for all.
        stability_score_offset: logits by which the mask threshold is moved up and down for that score, above 0.
        box_nms_thresh: box IoU above which the mask with the lower predicted IoU goes, in [0, 1].
        crop_n_layers: also search this many layers of crops, at least 0; layer i has 4^i crops.
        crop_nms_thresh: box IoU above which, of masks from different crops, that of the larger crop goes, in [0, 1].
        crop_overlap_ratio: overlap of crops, as a fraction of the image's short side, in [0, 1).
        crop_n_points_downscale_factor: points per side shrink by this from layer to layer, at least 1.
        point_grids: one (K, 2) array of points in [0, 1] per layer, instead of a regular grid.
        min_mask_region_area: remove holes and specks of fewer pixels, 0 to keep all; None for the checkpoint's own,
            which is 0 but for EfficientSAM.
        mask_nms_thresh: mask IoU above which the mask with the lower predicted IoU is dropped; None to skip this step.
        containment_thresh: fraction of the smaller of two masks above which their overlap drops the worse one; None to
            skip this step.
        exclusive: assign every pixel to at most one mask, the smallest.
        hierarchy: fill `MaskSet.parent`.
        best_of_three: keep only the best of each point's three masks, by predicted IoU; None for the checkpoint's own.
        point_grid: "centres" for points at the centres of the grid's cells, "corners" for points in the middle of each
            cell's first pixel; None for the checkpoint's own.
    """

    points_per_side: int | None = None
    points_per_batch: int | None = None
    pred_iou_thresh: float | None = None
    stability_score_thresh: float | None = None
    stability_score_offset: float = 1.0
    box_nms_thresh: float = 0.7
    crop_n_layers: int = 0
    crop_nms_thresh: float = 0.7
    crop_overlap_ratio: float = 512 / 1500
    crop_n_points_downscale_factor: int = 1
    point_grids: tuple[npt.NDArray[np.float64], ...] | None = None
    min_mask_region_area: int | None = None
    mask_nms_thresh: float | None = None
    containment_thresh: float | None = None
    exclusive: bool = False
    hierarchy: bool = False
    best_of_three: bool | None = None
    point_grid: PointGrid | None = None

    def __post_init__(self) -> None:
        if self.points_per_side is not None and self.point_grids is not None:
            raise SettingsError("give either points_per_side or point_grids, and None for the other")
        check_ranges(self, _RANGES)
        if self.point_grids is not None:
            self._check_grids(self.point_grids)

    def for_checkpoint(self, loaded: Loaded) -> AutomaticSettings:
        """Return the settings with the checkpoint's own values filled in."""
        variant = loaded.variant
        own: dict[str, Any] = {  # Any: fields of several types
            "points_per_side": None if self.point_grids else own_points_per_side(loaded.frame_size),
            "points_per_batch": POINTS_PER_BATCH.get(loaded.device.partition(":")[0], MORE_POINTS_PER_BATCH),
            "pred_iou_thresh": loaded.pred_iou_thresh,
            "stability_score_thresh": loaded.stability_score_thresh,
            "min_mask_region_area": variant.min_mask_region_area,
            "best_of_three": variant.best_of_three,
            "point_grid": variant.point_grid,
        }
        return replace(self, **{name: value for name, value in own.items() if getattr(self, name) is None})

    def _check_grids(self, grids: tuple[npt.NDArray[np.float64], ...]) -> None:
        import numpy as np

        if len(grids) != self.crop_n_layers + 1:
            raise SettingsError(
                f"{len(grids)} point grids for {self.crop_n_layers} crop layers; give one for the whole image and "
                "one for each layer"
            )
        for grid in grids:
            points = np.asarray(grid)
            if points.ndim != 2 or points.shape[1] != 2 or not ((points >= 0) & (points <= 1)).all():
                raise SettingsError("a point grid must be an array (K, 2) of (x, y) between 0 and 1")


_RANGES: dict[str, Range] = {
    "points_per_side": (1, 4096),
    "points_per_batch": (1, math.inf),
    "pred_iou_thresh": (-math.inf, math.inf),
    "stability_score_thresh": (0, 1),
    "stability_score_offset": (1e-6, math.inf),
    "box_nms_thresh": (0, 1),
    "crop_n_layers": (0, 6),
    "crop_nms_thresh": (0, 1),
    "crop_overlap_ratio": (0, 0.999),
    "crop_n_points_downscale_factor": (1, math.inf),
    "min_mask_region_area": (0, math.inf),
    "mask_nms_thresh": (0, 1),
    "containment_thresh": (0, 1),
}
