"""Automatic mask generation: the masks of the official generator in bounded memory.

For every crop: embed it, decode its grid of points, and keep the masks that pass the filters. Results match those of
the official code (segment-anything `automatic_mask_generator.py` @dca509f). The difference is what is computed, and
when: masks are filtered by predicted IoU on the decoder's tokens before they are drawn, and only those that survive box
NMS become run lengths, see `samara.segmentation.automatic.search`.

Differs from Meta:
* boxes in the result are COCO-exact; box NMS and the crop-edge rule still use the reference's inclusive corners, which
  are one pixel short, so that the same masks survive;
* an empty mask never survives, and its stability score is 0, not NaN;
* an image without masks returns an empty result.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from samara.engines.engine import DecodedMasks, InputPrompts, Prepared
from samara.engines.loaded import Loaded
from samara.errors import SettingsError
from samara.images.preprocessing import Frame
from samara.images.read import ImageSource, read_image
from samara.masks.mask_set import MaskSet, concatenate
from samara.masks.regions import clean
from samara.masks.suppression import box_nms
from samara.segmentation.automatic.batch_search import BatchSearch
from samara.segmentation.automatic.crops import Crop, crops_of
from samara.segmentation.automatic.place import Place
from samara.segmentation.automatic.point_grid import layer_grids
from samara.segmentation.automatic.search import Criteria, Search
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.automatic.window_search import WindowSearch
from samara.segmentation.capabilities import check_everything
from samara.segmentation.embeddings import ImageEmbedding
from samara.segmentation.predictor import MASK_THRESHOLD, Predictor
from samara.system.progress import Progress

FIRST_PIXEL = 0.5
"""The middle of a cell's first pixel, from the cell's corner in pixels."""


class AutomaticMaskGenerator:
    """Automatic mask generation for images.

    Args:
        loaded: promptable checkpoint from `samara.load`.
        settings: see `AutomaticSettings`; None values become the checkpoint's own.
        predictor: predictor of that checkpoint, such as one that caches embeddings; None for a plain one.
    """

    def __init__(
        self, loaded: Loaded, settings: AutomaticSettings | None = None, *, predictor: Predictor | None = None
    ) -> None:
        self.loaded = loaded
        self.settings = (settings or AutomaticSettings()).for_checkpoint(loaded)
        self.predictor = predictor or Predictor(loaded)

    @property
    def points_per_batch(self) -> int:
        """Points that are decoded at once."""
        assert self.settings.points_per_batch is not None, "filled in by `for_checkpoint`"
        return self.settings.points_per_batch

    def generate(self, image: ImageSource | ImageEmbedding, *, progress: Progress | None = None) -> MaskSet:
        """Segment everything in one image.

        Args:
            image: anything `samara.read_image` takes, or an embedding (without crop layers).
            progress: called with the points done and the total points, see `samara.system.progress`.

        Returns:
            Masks by descending predicted IoU; with crop layers, by crop from small to large, then by predicted IoU;
            possibly none.

        Raises:
            ImageError: The image cannot be read.
            EmbeddingError: The embedding is from another image encoder.
            SettingsError: An embedding was given with crop layers.
            PromptError: The checkpoint takes no points.
        """
        check_everything(self.loaded.variant)
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
            raise SettingsError("crop layers need the image itself; pass the image, or set crop_n_layers to 0")
        self.predictor.check_fits(embedding)
        size_hw = embedding.original_size_hw
        crops = crops_of(size_hw, 0, 0.0)
        (points,) = self._grids(crops)
        count = _Counter(len(points), progress)
        return self._finish([self._search(embedding, points, crops[0], size_hw, count)])

    def _grids(self, crops: list[Crop]) -> list[npt.NDArray[np.float64]]:
        """Return the points of each crop, (K, 2) in pixels of the crop."""
        grids = layer_grids(self.settings)
        first = FIRST_PIXEL if self.settings.point_grid == "corners" and self.settings.point_grids is None else 0.0
        return [grids[crop.layer] * np.array(crop.size_hw[::-1]) + first for crop in crops]

    def _search(
        self,
        embedding: ImageEmbedding,
        points: npt.NDArray[np.float64],
        crop: Crop,
        size_hw: tuple[int, int],
        count: _Counter,
    ) -> MaskSet:
        """Return the masks of one crop, in the original frame, without near duplicates."""
        step = self.points_per_batch
        images = self.predictor.engine.prepare(embedding.features[None])
        place = Place(embedding.frame, crop, size_hw)
        search = self._search_of(place)
        for start in range(0, len(points), step):
            batch = points[start : start + step]
            search.add(self._decode(images, batch, place.frame), start)
            count.add(len(batch))
        found = search.survivors()
        return MaskSet(
            rles=found.rles,
            size_hw=size_hw,
            checkpoint=self.loaded.name,
            predicted_iou=found.predicted_iou,
            prompt_index=found.prompt,
            stability_score=found.stability,
            points_xy=points[found.prompt] + place.corner_xy,
            crop_boxes_xyxy=np.tile(np.array(crop.box_xyxy, dtype=np.int64), (len(found.rles), 1)),
        )

    def _search_of(self, place: Place) -> Search:
        """Return a search for the device on which logits are computed."""
        criteria = Criteria(
            threshold=MASK_THRESHOLD,
            offset=self.settings.stability_score_offset,
            min_stability=self.settings.stability_score_thresh or 0.0,
            box_nms_thresh=self.settings.box_nms_thresh,
        )
        on_cpu = torch.device(self.loaded.device).type == "cpu"
        return WindowSearch(place, criteria) if on_cpu else BatchSearch(place, criteria)

    def _decode(self, images: Prepared, points: npt.NDArray[np.float64], frame: Frame) -> DecodedMasks:
        """Decode a batch of points and keep the masks whose predicted IoU passes."""
        device = self.loaded.device
        coordinates = torch.from_numpy(frame.to_input(points)).to(device)[:, None]  # (N, 1, 2)
        decoded = self.predictor.engine.decode(
            images,
            InputPrompts(
                points=(coordinates, torch.ones(len(points), 1, dtype=torch.int64, device=device)),
                boxes=None,
                masks=None,
                image_of_prompt=torch.zeros(len(points), dtype=torch.int64, device=device),
            ),
            frame_size=frame.side,
            multimask=True,
            # 0 switches the filter off, as in the reference.
            min_predicted_iou=self.settings.pred_iou_thresh or None,
        )
        return decoded.best_of_each() if self.settings.best_of_three else decoded

    def _finish(self, found: list[MaskSet]) -> MaskSet:
        """Run the steps across crops: NMS between crops, cleaning, and samara's additions."""
        settings = self.settings
        masks = concatenate(found)
        if len(found) > 1:
            masks = masks[box_nms(_inclusive_corners(masks), _preference(masks), settings.crop_nms_thresh)]
        if settings.min_mask_region_area:
            masks = self._clean(masks, settings.min_mask_region_area)
        return masks.tidied(
            iou_threshold=settings.mask_nms_thresh,
            containment_threshold=settings.containment_thresh,
            exclusive=settings.exclusive,
            hierarchy=settings.hierarchy,
        )

    def _clean(self, masks: MaskSet, min_region_area: int) -> MaskSet:
        """Remove holes and specks, then resulting duplicates, preferring unchanged masks."""
        settings = self.settings
        cleaned = [clean(rle, min_region_area) for rle in masks.rles]
        unchanged = np.array([not changed for _, changed in cleaned], dtype=np.float64)
        masks = masks.with_rles([rle for rle, _ in cleaned])
        threshold = max(settings.box_nms_thresh, settings.crop_nms_thresh)
        return masks[box_nms(_inclusive_corners(masks), unchanged, threshold)]


class _Counter:
    """Counter that reports progress to the caller."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def add(self, points: int) -> None:
        self.done += points
        if self.progress is not None:
            self.progress("everything", self.done, self.total)


def _inclusive_corners(masks: MaskSet) -> npt.NDArray[np.float32]:
    """Return boxes with inclusive right and bottom, as in the reference, for NMS."""
    return (masks.boxes_xyxy - [0, 0, 1, 1]).astype(np.float32)


def _preference(masks: MaskSet) -> npt.NDArray[np.float32]:
    """Return scores for NMS between crops: smaller crops are preferred for their higher resolution."""
    boxes = np.zeros((0, 4)) if masks.crop_boxes_xyxy is None else masks.crop_boxes_xyxy.astype(np.float32)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return (1.0 / area).astype(np.float32)
