"""Segmenter for FastSAM and YOLO-seg: everything in an image, and prompts that select masks for FastSAM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch

from samara.engines.instance_engine import InstanceEngine, open_instance_engine
from samara.engines.loaded import Loaded
from samara.images.preprocessing import normalise
from samara.images.read import ImageSource, read_image
from samara.masks.mask_set import MaskSet
from samara.masks.rle import Rle
from samara.networks.yolo_seg import RawInstances
from samara.segmentation.capabilities import check_capabilities
from samara.segmentation.instances.decode import Detections, decode_instances
from samara.segmentation.instances.letterbox import Letterbox, letterboxed
from samara.segmentation.instances.masks import mask_in_box
from samara.segmentation.instances.selection import choose
from samara.segmentation.instances.settings import InstanceSettings
from samara.segmentation.prompts import Numbers, Prompt, as_prompts
from samara.segmentation.segmenter import Segmenter
from samara.system.progress import Progress

# Minimal confidence threshold; below it there are tens of thousands of instances.
MIN_CONFIDENCE = 0.001


@dataclass(frozen=True, eq=False)
class SeenInstances:
    """Result of the network's single pass over an image, before any threshold.

    Attributes:
        raw: network output of this image alone.
        letterbox: placement of the image in the input.
    """

    raw: RawInstances
    letterbox: Letterbox


@dataclass(frozen=True, eq=False)
class ReadyLetterbox:
    """An image before the network: read and letterboxed, still in the host's memory.

    Attributes:
        pixels: (h, w, 3) uint8 RGB, h and w multiples of 32.
        letterbox: placement of the image in the input.
    """

    pixels: torch.Tensor
    letterbox: Letterbox


class InstanceSegmenter(Segmenter[SeenInstances]):
    """Segmenter that finds all instances of an image in one pass.

    Args:
        loaded: FastSAM or YOLO-seg checkpoint from `samara.load`.
        settings: see `InstanceSettings`; thresholds that are None become those of the checkpoint.

    Raises:
        WrongCheckpoint: The checkpoint is promptable; use `samara.AutomaticMaskGenerator`.
    """

    def __init__(self, loaded: Loaded, settings: InstanceSettings | None = None) -> None:
        self.loaded = loaded
        self.settings = asked = settings or InstanceSettings()
        self.engine: InstanceEngine = open_instance_engine(loaded)
        self.confidence_thresh = loaded.pred_iou_thresh if asked.confidence_thresh is None else asked.confidence_thresh
        self.box_nms_thresh = loaded.variant.box_nms_thresh if asked.box_nms_thresh is None else asked.box_nms_thresh
        # Masks of images still in use, because prompts select from them repeatedly.
        self._found: WeakKeyDictionary[SeenInstances, MaskSet] = WeakKeyDictionary()

    def embed(self, image: ImageSource) -> SeenInstances:
        """See `Segmenter.embed`: runs the network's single pass."""
        return self.embed_ready([self.ready(image)])[0]

    def ready(self, image: ImageSource) -> ReadyLetterbox:
        """See `Segmenter.ready`: reads and letterboxes."""
        pixels = read_image(image)
        letterbox = Letterbox((pixels.shape[0], pixels.shape[1]), self.loaded.input_size)
        boxed = torch.from_numpy(letterboxed(pixels, letterbox))
        is_pinned = torch.device(self.loaded.device).type == "cuda"
        return ReadyLetterbox(boxed.pin_memory() if is_pinned else boxed, letterbox)

    def embed_ready(self, images: Sequence[ReadyLetterbox]) -> list[SeenInstances]:
        """See `Segmenter.embed_ready`: one pass for the images whose letterboxes have the same size."""
        by_size: dict[tuple[int, int], list[int]] = {}
        for index, one in enumerate(images):
            by_size.setdefault(one.letterbox.padded_size_hw, []).append(index)
        found: dict[int, SeenInstances] = {}
        for indices in by_size.values():
            raw = self.engine.find(torch.cat([self._network_input(images[index].pixels) for index in indices]))
            for place, index in enumerate(indices):
                own = RawInstances(*(answers[place : place + 1] for answers in raw))
                found[index] = SeenInstances(own, images[index].letterbox)
        return [found[index] for index in range(len(images))]

    def _network_input(self, pixels: torch.Tensor) -> torch.Tensor:
        preprocessing = self.loaded.variant.preprocessing
        channels = pixels.to(self.loaded.device, non_blocking=pixels.is_pinned()).permute(2, 0, 1)[None]
        return normalise(channels, preprocessing.mean, preprocessing.std)

    def everything(self, seen: SeenInstances, *, progress: Progress | None = None) -> MaskSet:
        """Segment everything in an embedded image; `progress` receives the instances computed.

        Returns:
            Masks at the image's size by descending confidence, stored in `predicted_iou`, with their classes; possibly
            none. Instances without positive pixels are left out.
        """
        raw, letterbox = seen.raw, seen.letterbox
        found = decode_instances(
            raw,
            0,
            letterbox.padded_size_hw,
            confidence_thresh=self.confidence_thresh,
            box_nms_thresh=self.box_nms_thresh,
            max_instances=self.settings.max_instances,
        )
        return self._tidied(self._drawn(raw, found, letterbox, progress))

    def answer(self, seen: SeenInstances, prompts: Sequence[Prompt], *, multimask: bool = True) -> MaskSet:
        """Select masks of an image by any mixture of prompts; see `Segmenter.answer`, `selection.choose`."""
        for prompt in prompts:
            check_capabilities(prompt, self.loaded.variant)
        masks = self._found.get(seen)
        if masks is None:
            masks = self._found[seen] = self.everything(seen)
        return choose(masks, prompts, multimask=multimask)

    def predict(
        self,
        image: ImageSource,
        points: Numbers | None = None,
        labels: Numbers | None = None,
        boxes: Numbers | None = None,
        *,
        multimask: bool = True,
    ) -> MaskSet:
        """Select masks of an image by points and boxes; takes the arguments of `Predictor.predict`.

        For further prompts on the same image, keep the result of `generate` and use
        `samara.segmentation.instances.selection.choose`.

        Raises:
            PromptError: A prompt is malformed, outside the image, or not supported by the checkpoint.
        """
        return self.predict_prompts(image, as_prompts(points, labels, boxes), multimask=multimask)

    def unsparing(self, points_per_side: int | None, max_masks: int) -> InstanceSegmenter:
        """See `Segmenter.unsparing`; has no grid."""
        del points_per_side
        settings = InstanceSettings(confidence_thresh=MIN_CONFIDENCE, max_instances=max_masks)
        return InstanceSegmenter(self.loaded, settings)

    def with_smaller_batches(self) -> InstanceSegmenter:
        """See `Segmenter.with_smaller_batches`: returns itself, since one pass has no batches."""
        return self

    def described_settings(self) -> dict[str, Any]:
        """See `Segmenter.described_settings`."""
        return asdict(self.settings) | {
            "confidence_thresh": self.confidence_thresh,
            "box_nms_thresh": self.box_nms_thresh,
        }

    def _drawn(self, raw: RawInstances, found: Detections, letterbox: Letterbox, progress: Progress | None) -> MaskSet:
        drawn: list[Rle] = []
        visible: list[int] = []
        boxes = letterbox.to_original(found.boxes_xyxy)
        for index, box in enumerate(boxes):
            with torch.inference_mode():
                rle = mask_in_box(raw.prototypes[0], found.coefficients[index], box, letterbox)
            if rle is not None:
                drawn.append(rle)
                visible.append(index)
            if progress is not None:
                progress("instances", index + 1, len(boxes))
        return MaskSet(
            rles=tuple(drawn),
            size_hw=letterbox.original_size_hw,
            checkpoint=self.loaded.name,
            predicted_iou=found.confidence[visible].astype(np.float64),
            prompt_index=np.arange(len(visible)),
            class_index=found.class_index[visible],
            class_names=self.loaded.variant.class_names,
        )

    def _tidied(self, masks: MaskSet) -> MaskSet:
        """Apply samara's optional additions to the published inference."""
        settings = self.settings
        if settings.min_mask_region_area > 0:
            masks = masks.cleaned(settings.min_mask_region_area)
        return masks.tidied(
            iou_threshold=settings.mask_nms_thresh,
            containment_threshold=settings.containment_thresh,
            exclusive=settings.exclusive,
            hierarchy=settings.hierarchy,
        )
