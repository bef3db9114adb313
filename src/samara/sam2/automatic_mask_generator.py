"""The official `SAM2AutomaticMaskGenerator`: SAM's, with SAM 2's predictor, steps and defaults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.images.read import ImageSource
from samara.sam2.build_sam import build_sam2_hf
from samara.sam2.drawn_masks import Wanted, masks_of_points, ready, refined
from samara.sam2.modeling.sam2_base import SAM2Base
from samara.sam2.sam2_image_predictor import SAM2ImagePredictor
from samara.sam2.utils.transforms import pixels_of
from samara.segment_anything.automatic_mask_generator import Grids, OutputMode, SamAutomaticMaskGenerator
from samara.segment_anything.drawn_masks import ReadyImage
from samara.segment_anything.utils.amg import (
    MaskData,
    area_from_rle,
    batch_iterator,
    batched_mask_to_box,
    box_xyxy_to_xywh,
    build_all_layer_point_grids,
    calculate_stability_score,
    coco_encode_rle,
    generate_crop_boxes,
    is_box_near_crop_edge,
    mask_to_rle_pytorch,
    remove_small_regions,
    rle_to_mask,
    uncrop_boxes_xyxy,
    uncrop_masks,
    uncrop_points,
)

__all__ = [  # with what the official module imports: code takes it from here too
    "MaskData",
    "SAM2AutomaticMaskGenerator",
    "SAM2Base",
    "SAM2ImagePredictor",
    "area_from_rle",
    "batch_iterator",
    "batched_mask_to_box",
    "box_xyxy_to_xywh",
    "build_all_layer_point_grids",
    "calculate_stability_score",
    "coco_encode_rle",
    "generate_crop_boxes",
    "is_box_near_crop_edge",
    "mask_to_rle_pytorch",
    "remove_small_regions",
    "rle_to_mask",
    "uncrop_boxes_xyxy",
    "uncrop_masks",
    "uncrop_points",
]


class SAM2AutomaticMaskGenerator(SamAutomaticMaskGenerator):
    """Find everything in an image; arguments, defaults and attributes of the official class.

    Every argument but `model` is an attribute too, and counts when an image comes: setting it later is the same as
    having given it. The first dozen are those of `SamAutomaticMaskGenerator`.

    Args:
        model: from `build_sam2`.
        points_per_side: points along each side of a regular grid, None for `point_grids`.
        points_per_batch: points decoded together.
        pred_iou_thresh: keep masks with a higher predicted IoU; 0 for all.
        stability_score_thresh: keep masks at least this stable; 0 for all.
        stability_score_offset: logits the threshold is moved by for that score.
        mask_threshold: logits above it belong to a mask.
        box_nms_thresh: box IoU above which the lesser mask goes.
        crop_n_layers: layers of crops.
        crop_nms_thresh: box IoU above which the mask of the larger crop goes.
        crop_overlap_ratio: overlap of crops.
        crop_n_points_downscale_factor: thinning of the grid per layer.
        point_grids: explicit grids (K, 2) in the unit square, one for the image and one for each layer of crops.
        min_mask_region_area: holes and specks of at most so many pixels of the low-res masks are removed.
        output_mode: how masks are given: "binary_mask", "uncompressed_rle" or "coco_rle".
        use_m2m: refine each mask by giving it to the network again.
        multimask_output: three masks per point instead of one.
        kwargs: nothing, as in the official class.

    Attributes:
        predictor: makes the masks; may be replaced.

    Raises:
        SettingsError: a value has no meaning.
    """

    def __init__(  # noqa: PLR0917 - the official signature
        self,
        model: SAM2Base,
        points_per_side: int | None = 32,
        points_per_batch: int = 64,
        pred_iou_thresh: float = 0.8,
        stability_score_thresh: float = 0.95,
        stability_score_offset: float = 1.0,
        mask_threshold: float = 0.0,
        box_nms_thresh: float = 0.7,
        crop_n_layers: int = 0,
        crop_nms_thresh: float = 0.7,
        crop_overlap_ratio: float = 512 / 1500,
        crop_n_points_downscale_factor: int = 1,
        point_grids: Grids | None = None,
        min_mask_region_area: int = 0,
        output_mode: OutputMode = "binary_mask",
        use_m2m: bool = False,
        multimask_output: bool = True,
        **kwargs: Any,
    ) -> None:
        del kwargs
        super().__init__(
            model,  # type: ignore[arg-type]  # for `_predictor_for`
            points_per_side,
            points_per_batch,
            pred_iou_thresh,
            stability_score_thresh,
            stability_score_offset,
            box_nms_thresh,
            crop_n_layers,
            crop_nms_thresh,
            crop_overlap_ratio,
            crop_n_points_downscale_factor,
            point_grids,
            min_mask_region_area,
            output_mode,
        )
        self.mask_threshold = mask_threshold
        self.use_m2m = use_m2m
        self.multimask_output = multimask_output

    @classmethod
    def from_pretrained(cls, model_id: str, **kwargs: Any) -> SAM2AutomaticMaskGenerator:
        """A generator by a name at Hugging Face, such as "facebook/sam2.1-hiera-large"; nothing is downloaded.

        Args:
            model_id: see `build_sam2_hf`, which says what is raised.
            kwargs: for the network and the generator.
        """
        return cls(build_sam2_hf(model_id, **kwargs), **kwargs)

    @property
    def min_mask_region_area(self) -> int:
        """Holes and specks of at most so many pixels of the low-res masks are removed, by the predictor."""
        return self._min_mask_region_area

    @min_mask_region_area.setter
    def min_mask_region_area(self, area: int) -> None:
        self._min_mask_region_area = area
        transforms = self.predictor._transforms
        transforms.max_hole_area = transforms.max_sprinkle_area = area

    @torch.no_grad()
    def generate(self, image: ImageSource) -> list[dict[str, Any]]:  # type: ignore[override]  # without multimask
        """Find everything in an image (H, W, 3) RGB uint8.

        Args:
            image: or anything else `samara.read_image` converts without guessing.

        Returns:
            Per mask: "segmentation" in the output mode, "area", "bbox" (xywh, COCO-exact), "predicted_iou",
            "point_coords" [[x, y]], "stability_score", "crop_box" (xywh).

        Raises:
            ImageError: the image cannot be converted without guessing.
            SettingsError: a value that was set has no meaning.
        """
        self._check()
        data = self._generate_masks(pixels_of(image))
        return [self._record(data, index) for index in range(len(data["rles"]))]

    def _process_batch(  # the official arguments
        self,
        points: npt.NDArray[np.floating],
        im_size: tuple[int, ...],
        crop_box: Sequence[int],
        orig_size: tuple[int, ...],
        normalize: bool = False,
    ) -> MaskData:
        """Masks of some points (K, 2) that pass every filter but suppression; points and boxes in the crop's frame.

        `normalize` says that the points are in pixels; else they are in the unit square.
        """
        wanted = Wanted(
            multimask=self.multimask_output,
            predicted_iou=self.pred_iou_thresh,
            stability=self.stability_score_thresh,
            stability_offset=self.stability_score_offset,
            threshold=self.mask_threshold,
            refined=self.use_m2m,
            at_a_time=self.points_per_batch,
        )
        given = torch.as_tensor(points, dtype=torch.float32, device=self.predictor.device)
        size_hw = (im_size[0], im_size[1])
        inside: Tensor = self.predictor._transforms.transform_coords(given, normalize=normalize, orig_hw=size_hw)
        drawn = masks_of_points(self.predictor, inside, size_hw, wanted, self._ready)
        return self._placed(drawn, given.cpu().numpy(), crop_box, orig_size)

    def refine_with_m2m(
        self, points: Tensor, point_labels: Tensor, low_res_masks: Tensor, points_per_batch: int
    ) -> tuple[Tensor, Tensor]:
        """Give masks to the network again; arguments and results as `samara.sam2.drawn_masks.refined`."""
        return refined(self.predictor, points, point_labels, low_res_masks, points_per_batch)

    def _predictor_for(self, model: SAM2Base) -> SAM2ImagePredictor:
        return SAM2ImagePredictor(model)

    def _made_ready(self) -> ReadyImage:
        return ready(self.predictor)

    def _forget_image(self) -> None:
        self.predictor.reset_predictor()

    def _more_for_batch(self, multimask_output: bool) -> dict[str, bool]:
        return {"normalize": True}
