"""The official `SamAutomaticMaskGenerator`, with its steps, overridable methods and attributes.

Masks come from samara's engine in bounded memory, unless the predictor was customised; then from its `predict_torch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.errors import SettingsError
from samara.images.read import read_image
from samara.masks.regions import clean
from samara.masks.rle import Rle, place
from samara.masks.suppression import box_nms
from samara.networks.variants import VARIANTS
from samara.segment_anything.drawn_masks import DrawnMasks, Filters, ReadyImage, masks_of_points, ready
from samara.segment_anything.modeling.sam import Sam
from samara.segment_anything.predictor import SamPredictor
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

__all__ = [  # includes the official module's imports, because code imports them from here too
    "MaskData",
    "Sam",
    "SamAutomaticMaskGenerator",
    "SamPredictor",
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

OutputMode = Literal["binary_mask", "uncompressed_rle", "coco_rle"]
OUTPUT_MODES = ("binary_mask", "uncompressed_rle", "coco_rle")

Grids = list[npt.NDArray[np.float64]]


class SamAutomaticMaskGenerator:
    """Automatic mask generator with the arguments, defaults and attributes of the official class.

    Every argument but `model` is also an attribute, read when an image is processed, so it can be set later. Accepts
    everything that the official class does, including thresholds that disable a filter.

    Args:
        model: network from `sam_model_registry`, or from parts.
        points_per_side: points along each side of a regular grid, None for `point_grids`.
        points_per_batch: points decoded together.
        pred_iou_thresh: minimum predicted IoU, exclusive; None for the checkpoint's own, 0 to keep all masks.
        stability_score_thresh: minimum stability score; None for the checkpoint's own, 0 to keep all masks.
        stability_score_offset: threshold shift of that score, in logits.
        box_nms_thresh: box IoU above which the worse mask is dropped.
        crop_n_layers: layers of crops.
        crop_nms_thresh: box IoU above which the mask of the larger crop is dropped.
        crop_overlap_ratio: overlap of crops.
        crop_n_points_downscale_factor: thinning factor of the grid per layer.
        point_grids: explicit grids (K, 2) in the unit square, one for the image and one for each layer of crops.
        min_mask_region_area: area in pixels below which holes and specks are removed.
        output_mode: format of masks: "binary_mask", "uncompressed_rle" or "coco_rle".

    Attributes:
        predictor: predictor of the masks; may be replaced.

    Raises:
        SettingsError: A value is invalid.
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
        point_grids: Grids | None = None,
        min_mask_region_area: int = 0,
        output_mode: OutputMode = "binary_mask",
    ) -> None:
        if (points_per_side is None) == (point_grids is None):
            raise SettingsError("give either points_per_side or point_grids, and None for the other")
        suits = getattr(model, "origin", None) or VARIANTS["vit_h"]
        self.predictor = self._predictor_for(model)
        self.points_per_batch = points_per_batch
        self.pred_iou_thresh = suits.pred_iou_thresh if pred_iou_thresh is None else pred_iou_thresh
        self.stability_score_thresh = (
            suits.stability_score_thresh if stability_score_thresh is None else stability_score_thresh
        )
        self.stability_score_offset = stability_score_offset
        self.box_nms_thresh = box_nms_thresh
        self.crop_n_layers = crop_n_layers
        self.crop_nms_thresh = crop_nms_thresh
        self.crop_overlap_ratio = crop_overlap_ratio
        self.crop_n_points_downscale_factor = crop_n_points_downscale_factor
        self.min_mask_region_area = min_mask_region_area
        self.output_mode = output_mode
        self._points_per_side = points_per_side
        self._point_grids: tuple[object, Grids] = ("explicit", point_grids) if point_grids is not None else (None, [])
        self._ready: ReadyImage | None = None
        self._check()

    @property
    def model(self) -> Any:  # Any: the predictor may be anybody's
        """Network of the predictor."""
        return self.predictor.model

    # What a generator for another network does in another way, see `samara.sam2.automatic_mask_generator`.

    def _predictor_for(self, model: Any) -> Any:  # Any: a Sam and a SamPredictor here
        return SamPredictor(model)

    def _made_ready(self) -> ReadyImage | None:
        """The image that is set, made ready once for all batches of points."""
        return ready(self.predictor) if isinstance(self.predictor, SamPredictor) else None

    def _forget_image(self) -> None:
        self.predictor.reset_image()

    def _more_for_batch(self, multimask_output: bool) -> dict[str, bool]:
        """Arguments of `_process_batch` that it is to be called with besides."""
        return _more(multimask_output)

    @property
    def points_per_side(self) -> int | None:
        """Points along each side of the regular grid; None with explicit grids."""
        return self._points_per_side

    @points_per_side.setter
    def points_per_side(self, count: int) -> None:
        self._points_per_side = count
        self._point_grids = (None, [])

    @property
    def point_grids(self) -> Grids:
        """Grids of the image and of each crop layer, explicit or derived from the current settings."""
        made_from, grids = self._point_grids
        wanted = (self._points_per_side, self.crop_n_layers, self.crop_n_points_downscale_factor)
        if self._points_per_side is not None and made_from != wanted:
            grids = build_all_layer_point_grids(*wanted)  # type: ignore[arg-type]  # the first is not None
            self._point_grids = (wanted, grids)
        return grids

    @point_grids.setter
    def point_grids(self, grids: Grids) -> None:
        self._points_per_side = None
        self._point_grids = ("explicit", grids)

    @torch.no_grad()
    def generate(self, image: npt.NDArray[np.uint8], multimask_output: bool = True) -> list[dict[str, Any]]:
        """Segment everything in an image (H, W, 3) RGB uint8.

        Args:
            image: the image, or anything else that `samara.read_image` converts without guessing.
            multimask_output: predict three masks per point instead of one; an argument of HQ-SAM's package.

        Returns:
            For each mask: "segmentation" in the output mode, "area", "bbox" (xywh, COCO-exact), "predicted_iou",
            "point_coords" [[x, y]], "stability_score", "crop_box" (xywh).

        Raises:
            ImageError: The image cannot be converted without guessing.
            SettingsError: An attribute is invalid.
        """
        self._check()
        data = self._generate_masks(read_image(image), **_more(multimask_output))
        if self.min_mask_region_area > 0:
            threshold = max(self.box_nms_thresh, self.crop_nms_thresh)
            data = self.postprocess_small_regions(data, self.min_mask_region_area, threshold)
        return [self._record(data, index) for index in range(len(data["rles"]))]

    def _record(self, data: MaskData, index: int) -> dict[str, Any]:
        rle = Rle.from_coco(data["rles"][index])
        x0, y0, x1, y1 = rle.box_xyxy
        left, top, right, bottom = (int(side) for side in data["crop_boxes"][index])
        return {
            "segmentation": self._segmentation(rle),
            "area": rle.area,
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "predicted_iou": float(data["iou_preds"][index]),
            "point_coords": [data["points"][index].tolist()],
            "stability_score": float(data["stability_score"][index]),
            "crop_box": [left, top, right - left, bottom - top],
        }

    def _segmentation(self, rle: Rle) -> npt.NDArray[np.bool_] | dict[str, Any]:
        if self.output_mode == "binary_mask":
            return rle.decode()
        return dict(rle.to_coco()) if self.output_mode == "coco_rle" else _uncompressed(rle)

    def _generate_masks(self, image: npt.NDArray[np.uint8], multimask_output: bool = True) -> MaskData:
        """Return masks of all crops without near duplicates, as arrays."""
        orig_size = image.shape[:2]
        crop_boxes, layers = generate_crop_boxes(orig_size, self.crop_n_layers, self.crop_overlap_ratio)
        data = MaskData()
        for crop_box, layer in zip(crop_boxes, layers, strict=True):
            data.cat(self._process_crop(image, crop_box, layer, orig_size, **_more(multimask_output)))
        if len(crop_boxes) > 1:
            x0, y0, x1, y1 = torch.as_tensor(data["crop_boxes"]).T.float()
            data.filter(_nms(data["boxes"], 1 / ((x1 - x0) * (y1 - y0)), self.crop_nms_thresh))  # smaller crops first
        data.to_numpy()
        return data

    def _process_crop(
        self,
        image: npt.NDArray[np.uint8],
        crop_box: Sequence[int],
        crop_layer_idx: int,
        orig_size: tuple[int, ...],
        multimask_output: bool = True,
    ) -> MaskData:
        """Return masks of one crop, in the image's frame, without near duplicates."""
        x0, y0, x1, y1 = crop_box
        crop = image[y0:y1, x0:x1]
        self.predictor.set_image(crop)
        points = self.point_grids[crop_layer_idx] * np.array(crop.shape[1::-1])
        data = MaskData()
        try:
            self._ready = self._made_ready()
            more = self._more_for_batch(multimask_output)
            for (batch,) in batch_iterator(self.points_per_batch, points):
                data.cat(self._process_batch(batch, crop.shape[:2], crop_box, orig_size, **more))
        finally:
            self._ready = None
        self._forget_image()
        if not data.items():  # no points
            data = _table(DrawnMasks.none(), np.zeros((0, 2)))
        data.filter(_nms(data["boxes"], data["iou_preds"], self.box_nms_thresh))
        data["boxes"] = uncrop_boxes_xyxy(data["boxes"], crop_box)
        data["points"] = uncrop_points(data["points"], crop_box)
        data["crop_boxes"] = torch.tensor(list(crop_box)).repeat(len(data["rles"]), 1)
        return data

    def _process_batch(
        self,
        points: npt.NDArray[np.float64],
        im_size: tuple[int, ...],
        crop_box: Sequence[int],
        orig_size: tuple[int, ...],
        multimask_output: bool = True,
    ) -> MaskData:
        """Return masks of points (K, 2) that pass every filter but NMS; points and boxes in the crop's frame."""
        filters = Filters(
            multimask=multimask_output,
            predicted_iou=self.pred_iou_thresh,
            stability=self.stability_score_thresh,
            stability_offset=self.stability_score_offset,
        )
        drawn = masks_of_points(self.predictor, points, (im_size[0], im_size[1]), filters, self._ready)
        return self._placed(drawn, points, crop_box, orig_size)

    @staticmethod
    def _placed(
        drawn: DrawnMasks, points: npt.NDArray[np.floating], crop_box: Sequence[int], orig_size: tuple[int, ...]
    ) -> MaskData:
        """Masks of a crop that its edge has not cut off, as the official columns; only `rles` are in the image."""
        data = _table(drawn, points)
        height, width = orig_size
        data.filter(~is_box_near_crop_edge(data["boxes"], crop_box, [0, 0, width, height]))
        data["rles"] = [_uncompressed(place(rle, height, width, *crop_box[:2])) for rle in data["rles"]]
        return data

    @staticmethod
    def postprocess_small_regions(mask_data: MaskData, min_area: int, nms_thresh: float) -> MaskData:
        """Remove holes and specks in place, then resulting duplicates, preferring unchanged masks."""
        cleaned = [clean(Rle.from_coco(rle), min_area) for rle in mask_data["rles"]]
        scores = torch.tensor([float(not changed) for _, changed in cleaned])
        boxes = torch.tensor([rle.box_xyxy for rle, _ in cleaned]).view(-1, 4) - torch.tensor([0, 0, 1, 1])
        mask_data["rles"] = [_uncompressed(rle) for rle, _ in cleaned]
        mask_data["boxes"] = boxes if isinstance(mask_data["boxes"], Tensor) else boxes.numpy()
        mask_data.filter(_nms(boxes, scores, nms_thresh))
        return mask_data

    def _check(self) -> None:
        """Raise SettingsError for values that would fail later or be ignored."""
        if self.output_mode not in OUTPUT_MODES:
            raise SettingsError(
                f"output_mode is {self.output_mode!r}; it must be {' or '.join(map(repr, OUTPUT_MODES))}"
            )
        for name in ("points_per_side", "points_per_batch", "crop_n_points_downscale_factor"):
            if (value := getattr(self, name)) is not None and not value >= 1:
                raise SettingsError(f"{name} is {value}; it must be at least 1")
        if not self.crop_n_layers >= 0:
            raise SettingsError(f"crop_n_layers is {self.crop_n_layers}; it must be 0 or more")
        if len(self.point_grids) <= self.crop_n_layers:
            raise SettingsError(
                f"{len(self.point_grids)} point grids for {self.crop_n_layers} crop layers; give one for the whole "
                "image and one for each layer"
            )


def _more(multimask_output: bool) -> dict[str, bool]:
    """Return HQ-SAM's additional argument only if needed, because overrides of SAM's methods lack it."""
    return {} if multimask_output else {"multimask_output": False}


def _table(drawn: DrawnMasks, points: npt.NDArray[np.floating]) -> MaskData:
    """Return the official columns, with inclusive boxes and `rles` not yet placed in the image."""
    boxes = torch.tensor([rle.box_xyxy for rle in drawn.rles], dtype=torch.int64).view(-1, 4)
    return MaskData(
        iou_preds=torch.from_numpy(drawn.predicted_iou),
        points=torch.from_numpy(points[drawn.point]),
        stability_score=torch.from_numpy(drawn.stability),
        boxes=boxes - torch.tensor([0, 0, 1, 1]),
        rles=list(drawn.rles),
    )


def _uncompressed(rle: Rle) -> dict[str, Any]:
    return {"size": [rle.height, rle.width], "counts": rle.uncompressed()}


def _nms(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """Return the indices of kept boxes; as officially, a threshold above 1 keeps all, below 0 only the best."""
    if threshold < 0:
        return scores.argsort(descending=True, stable=True)[:1]
    kept = box_nms(boxes.cpu().numpy(), scores.cpu().numpy(), min(threshold, 1.0))
    return torch.from_numpy(kept)
