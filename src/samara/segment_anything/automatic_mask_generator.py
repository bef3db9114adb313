"""The official `SamAutomaticMaskGenerator`, on samara's generator."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from samara.automatic.generator import AutomaticMaskGenerator
from samara.automatic.settings import AutomaticSettings
from samara.errors import SettingsError
from samara.masks.rle import Rle
from samara.segment_anything.sam import Sam

OutputMode = Literal["binary_mask", "uncompressed_rle", "coco_rle"]


class SamAutomaticMaskGenerator:
    """Find everything in an image; arguments and defaults of the official class.

    Args:
        model: from `sam_model_registry`.
        points_per_side: see `samara.AutomaticSettings`, as are all the others.
        points_per_batch: points decoded together.
        pred_iou_thresh: keep masks with a higher predicted IoU; None for what suits the checkpoint.
        stability_score_thresh: keep masks at least this stable; None for what suits the checkpoint.
        stability_score_offset: logits the threshold is moved by for that score.
        box_nms_thresh: box IoU above which the lesser mask goes.
        crop_n_layers: layers of crops.
        crop_nms_thresh: box IoU above which the mask of the larger crop goes.
        crop_overlap_ratio: overlap of crops.
        crop_n_points_downscale_factor: thinning of the grid per layer.
        point_grids: explicit grids, with points_per_side=None.
        min_mask_region_area: holes and specks below so many pixels are removed.
        output_mode: how masks are given: "binary_mask", "uncompressed_rle" or "coco_rle".

    Raises:
        SettingsError: a value is out of range.
    """

    def __init__(  # noqa: PLR0917 - the official signature
        self,
        model: Sam,
        points_per_side: int | None = 32,
        points_per_batch: int = 64,
        pred_iou_thresh: float | None = None,
        stability_score_thresh: float | None = None,
        stability_score_offset: float = 1.0,
        box_nms_thresh: float = 0.7,
        crop_n_layers: int = 0,
        crop_nms_thresh: float = 0.7,
        crop_overlap_ratio: float = 512 / 1500,
        crop_n_points_downscale_factor: int = 1,
        point_grids: list[npt.NDArray[np.float64]] | None = None,
        min_mask_region_area: int = 0,
        output_mode: OutputMode = "binary_mask",
    ) -> None:
        if output_mode not in ("binary_mask", "uncompressed_rle", "coco_rle"):
            raise SettingsError(
                f"output_mode is {output_mode!r}; it must be 'binary_mask', 'uncompressed_rle' or 'coco_rle'"
            )
        if points_per_side is None and point_grids is None:
            raise SettingsError("give either points_per_side or point_grids")
        self.model = model
        self.output_mode: OutputMode = output_mode
        self.settings = AutomaticSettings(
            points_per_side=points_per_side,
            points_per_batch=points_per_batch,
            pred_iou_thresh=pred_iou_thresh,
            stability_score_thresh=stability_score_thresh,
            stability_score_offset=stability_score_offset,
            box_nms_thresh=box_nms_thresh,
            crop_n_layers=crop_n_layers,
            crop_nms_thresh=crop_nms_thresh,
            crop_overlap_ratio=crop_overlap_ratio,
            crop_n_points_downscale_factor=crop_n_points_downscale_factor,
            point_grids=None if point_grids is None else tuple(point_grids),
            min_mask_region_area=min_mask_region_area,
        )

    def generate(self, image: npt.NDArray[np.uint8]) -> list[dict[str, Any]]:
        """Find everything in an image (H, W, 3) RGB uint8.

        Returns:
            Per mask: "segmentation" in the output mode, "area", "bbox" (xywh, COCO-exact), "predicted_iou",
            "point_coords" [[x, y]], "stability_score", "crop_box" (xywh).

        Raises:
            ImageError: the picture cannot be converted without guessing.
        """
        # Made here and not in the constructor: the model may have been moved to another device since.
        masks = AutomaticMaskGenerator(self.model.as_loaded(), self.settings).generate(image)
        return [
            {
                "segmentation": self._segmentation(masks.rles[index]),
                "area": record["area"],
                "bbox": record["bbox"],
                "predicted_iou": record["predicted_iou"],
                "point_coords": record["point_coords"],
                "stability_score": record["stability_score"],
                "crop_box": record["crop_box"],
            }
            for index, record in enumerate(masks.to_coco())
        ]

    def _segmentation(self, rle: Rle) -> npt.NDArray[np.bool_] | dict[str, Any]:
        if self.output_mode == "binary_mask":
            return rle.decode()
        if self.output_mode == "coco_rle":
            return dict(rle.to_coco())
        return {"size": [rle.height, rle.width], "counts": rle.uncompressed()}
