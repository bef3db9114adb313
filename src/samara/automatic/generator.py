"""Automatic mask generation: the official generator's masks, in bounded memory.

For every crop: embed it, decode its grid of points, and keep what passes. The order of the steps is the official one
(segment-anything `automatic_mask_generator.py` @dca509f), and so is the result. What is different is when the pixels
are made: masks are judged by predicted IoU on the decoder's tokens before they are drawn, and only the survivors are
resized to the original frame, a few at a time, and turned into run lengths at once.

Differs from Meta:
* boxes in the result are COCO-exact; box NMS and the crop-edge rule still see the reference's inclusive corners,
  which are one pixel short, so that the same masks survive;
* an empty mask never survives, and its stability score is 0, not NaN;
* an image in which nothing is found gives an empty result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from samara.automatic.crops import Crop, crops_of
from samara.automatic.point_grid import layer_grids
from samara.automatic.settings import AutomaticSettings
from samara.embeddings import ImageEmbedding
from samara.engines.engine import InputPrompts
from samara.errors import SettingsError
from samara.images import ImageSource, read_image
from samara.loaded import Loaded
from samara.masks.boxes import boxes_of_masks, near_crop_edge
from samara.masks.regions import clean
from samara.masks.rle import Rle, encode_masks, place
from samara.masks.stability import stability_score
from samara.masks.suppression import box_nms
from samara.predictor import MASK_THRESHOLD, Predictor, full_size
from samara.preprocessing import Frame
from samara.results import MaskSet, concatenate

Progress = Callable[[int, int], None]
"""Called with the points done so far and the points in all."""


class AutomaticMaskGenerator:
    """Find everything in an image.

    Args:
        loaded: a promptable checkpoint, from `samara.load`.
        settings: see `AutomaticSettings`; thresholds left at None become those of the checkpoint.
    """

    def __init__(self, loaded: Loaded, settings: AutomaticSettings | None = None) -> None:
        self.loaded = loaded
        self.settings = settings or AutomaticSettings()
        self.predictor = Predictor(loaded)
        asked = self.settings
        self.min_predicted_iou = loaded.pred_iou_thresh if asked.pred_iou_thresh is None else asked.pred_iou_thresh
        self.min_stability = (
            loaded.stability_score_thresh if asked.stability_score_thresh is None else asked.stability_score_thresh
        )

    def generate(self, image: ImageSource | ImageEmbedding, *, progress: Progress | None = None) -> MaskSet:
        """Find everything in one image.

        Args:
            image: anything `samara.read_image` takes, or an embedding made earlier (without crop layers).
            progress: called with the points done and the points in all.

        Returns:
            Masks by falling predicted IoU; with crop layers, by crop from small to large and within a crop by
            predicted IoU; possibly none.

        Raises:
            ImageError: the picture cannot be read.
            EmbeddingError: the embedding was made by another image encoder.
            SettingsError: an embedding was given and the settings ask for crops.
        """
        if isinstance(image, ImageEmbedding):
            return self._from_embedding(image, progress)
        pixels = read_image(image)
        size_hw = (pixels.shape[0], pixels.shape[1])
        crops = crops_of(size_hw, self.settings.crop_n_layers, self.settings.crop_overlap_ratio)
        count = _Counter(sum(len(points) for points in self._grids(crops)), progress)
        found = []
        for crop, points in zip(crops, self._grids(crops), strict=True):
            x0, y0, x1, y1 = crop.box_xyxy
            embedding = self.predictor.embed(pixels[y0:y1, x0:x1])
            found.append(self._search(embedding, points, crop, size_hw, count))
        return self._finish(found)

    def _from_embedding(self, embedding: ImageEmbedding, progress: Progress | None) -> MaskSet:
        if self.settings.crop_n_layers:
            raise SettingsError("crop layers need the image itself; give the image, or set crop_n_layers to 0")
        self.predictor.check_fits(embedding)
        size_hw = embedding.original_size_hw
        crops = crops_of(size_hw, 0, 0.0)
        (points,) = self._grids(crops)
        count = _Counter(len(points), progress)
        return self._finish([self._search(embedding, points, crops[0], size_hw, count)])

    def _grids(self, crops: list[Crop]) -> list[npt.NDArray[np.float64]]:
        """The points of each crop, (K, 2) in pixels of the crop."""
        grids = layer_grids(self.settings)
        return [grids[crop.layer] * np.array(crop.size_hw[::-1]) for crop in crops]

    def _search(
        self,
        embedding: ImageEmbedding,
        points: npt.NDArray[np.float64],
        crop: Crop,
        size_hw: tuple[int, int],
        count: _Counter,
    ) -> MaskSet:
        """Masks of one crop, in the original frame, without near duplicates."""
        step = self.settings.points_per_batch
        batches = [self._decode(embedding, points[:0], 0, crop, size_hw)]  # so that no point gives no mask
        for start in range(0, len(points), step):
            batch = points[start : start + step]
            batches.append(self._decode(embedding, batch, count.done, crop, size_hw))
            count.add(len(batch))
        masks = concatenate(batches)
        kept = box_nms(_inclusive_corners(masks), masks.predicted_iou, self.settings.box_nms_thresh)
        return masks[kept]

    def _decode(
        self,
        embedding: ImageEmbedding,
        points: npt.NDArray[np.float64],
        first: int,
        crop: Crop,
        size_hw: tuple[int, int],
    ) -> MaskSet:
        """Decode a batch of points and keep the masks that pass every filter but NMS."""
        frame, device = embedding.frame, self.loaded.device
        coordinates = torch.from_numpy(frame.to_input(points)).to(device)[:, None]  # (N, 1, 2)
        decoded = self.predictor.engine.decode(
            embedding.features[None].to(device),
            InputPrompts(
                points=(coordinates, torch.ones(len(points), 1, dtype=torch.int64, device=device)),
                boxes=None,
                masks=None,
                image_of_prompt=torch.zeros(len(points), dtype=torch.int64, device=device),
            ),
            input_size=frame.input_size,
            multimask=True,
            # 0 switches the filter off, as in the reference.
            min_predicted_iou=self.min_predicted_iou or None,
        )
        passed = self._draw(decoded.low_res_logits, frame, crop, size_hw)
        prompt = decoded.prompt.cpu().numpy()[passed.index]
        offset = np.array(crop.box_xyxy[:2])
        return MaskSet(
            rles=passed.rles,
            size_hw=size_hw,
            checkpoint=self.loaded.name,
            predicted_iou=decoded.predicted_iou.double().cpu().numpy()[passed.index],
            prompt_index=first + prompt,
            stability_score=passed.stability,
            points_xy=points[prompt] + offset,
            crop_boxes_xyxy=np.tile(np.array(crop.box_xyxy, dtype=np.int64), (len(prompt), 1)),
        )

    def _draw(self, low_res_logits: Tensor, frame: Frame, crop: Crop, size_hw: tuple[int, int]) -> _Passed:
        """Resize logits to the crop and keep the masks that are stable, not empty, and not cut off by the crop."""
        rles: list[Rle] = []
        indices, scores = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
        start = 0
        for logits in full_size(low_res_logits, frame):
            stability = stability_score(logits, MASK_THRESHOLD, self.settings.stability_score_offset)
            stable = (stability >= self.min_stability).nonzero()[:, 0]
            masks = logits[stable] > MASK_THRESHOLD
            whole = self._is_whole(masks, crop, size_hw)
            rles += [
                place(rle, *size_hw, *crop.box_xyxy[:2])
                for rle in encode_masks(masks[torch.from_numpy(whole).to(masks.device)])
            ]
            chosen = stable.cpu().numpy()[whole]
            indices.append(chosen + start)
            scores.append(stability.double().cpu().numpy()[chosen])
            start += len(logits)
        return _Passed(tuple(rles), np.concatenate(indices), np.concatenate(scores))

    def _is_whole(self, masks: Tensor, crop: Crop, size_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
        """(M,) whether a mask is neither empty nor cut off by the crop's edge."""
        boxes = boxes_of_masks(masks).cpu().numpy()
        is_empty = boxes[:, 2] <= boxes[:, 0]
        x0, y0, _, _ = crop.box_xyxy
        inclusive = boxes - [0, 0, 1, 1] + [x0, y0, x0, y0]
        return ~is_empty & ~near_crop_edge(inclusive, crop.box_xyxy, size_hw)

    def _finish(self, found: list[MaskSet]) -> MaskSet:
        """Steps over all crops: NMS between crops, cleaning, and what samara adds."""
        settings = self.settings
        masks = concatenate(found)
        if len(found) > 1:
            masks = masks[box_nms(_inclusive_corners(masks), _preference(masks), settings.crop_nms_thresh)]
        if settings.min_mask_region_area > 0:
            masks = self._clean(masks)
        if settings.mask_nms_thresh is not None or settings.containment_thresh is not None:
            masks = masks.without_duplicates(
                iou_threshold=settings.mask_nms_thresh, containment_threshold=settings.containment_thresh
            )
        if settings.exclusive:
            masks = masks.exclusive()
        return masks.with_hierarchy() if settings.hierarchy else masks

    def _clean(self, masks: MaskSet) -> MaskSet:
        """Remove holes and specks, then duplicates that this made, preferring masks that did not change."""
        settings = self.settings
        cleaned = [clean(rle, settings.min_mask_region_area) for rle in masks.rles]
        unchanged = np.array([not changed for _, changed in cleaned], dtype=np.float64)
        masks = masks.with_rles([rle for rle, _ in cleaned])
        threshold = max(settings.box_nms_thresh, settings.crop_nms_thresh)
        return masks[box_nms(_inclusive_corners(masks), unchanged, threshold)]


@dataclass(frozen=True)
class _Passed:
    """Masks that passed: run lengths, index among the decoded masks, and stability score of each."""

    rles: tuple[Rle, ...]
    index: npt.NDArray[np.int64]
    stability: npt.NDArray[np.float64]


class _Counter:
    """Tells the caller how far the work is."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def add(self, points: int) -> None:
        self.done += points
        if self.progress is not None:
            self.progress(self.done, self.total)


def _inclusive_corners(masks: MaskSet) -> npt.NDArray[np.float32]:
    """Boxes as the reference measures them, right and bottom inclusive, for NMS."""
    return (masks.boxes_xyxy - [0, 0, 1, 1]).astype(np.float32)


def _preference(masks: MaskSet) -> npt.NDArray[np.float32]:
    """Score for NMS between crops: the smaller the crop, the better it saw."""
    boxes = np.zeros((0, 4)) if masks.crop_boxes_xyxy is None else masks.crop_boxes_xyxy.astype(np.float32)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return (1.0 / area).astype(np.float32)
