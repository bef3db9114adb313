"""FastSAM and YOLO-seg as a segmenter: everything in an image, and for FastSAM prompts that choose among it."""

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
from samara.segmentation.instances.decode import Detections, decode_instances
from samara.segmentation.instances.letterbox import Letterbox, letterboxed
from samara.segmentation.instances.masks import mask_in_box
from samara.segmentation.instances.selection import choose
from samara.segmentation.instances.settings import InstanceSettings
from samara.segmentation.predictor import check_capabilities
from samara.segmentation.prompts import Numbers, Prompt, as_prompts
from samara.segmentation.segmenter import Segmenter
from samara.system.progress import Progress

# Confidence from which instances count where hardly a threshold is wanted; below it there are tens of thousands.
MIN_CONFIDENCE = 0.001


@dataclass(frozen=True, eq=False)
class SeenInstances:
    """What the network's one pass over an image gave, before any threshold.

    Attributes:
        raw: of this image alone.
        letterbox: how it lay in the input.
    """

    raw: RawInstances
    letterbox: Letterbox


class InstanceSegmenter(Segmenter[SeenInstances]):
    """Find all instances in an image, in one pass of the network.

    Args:
        loaded: a FastSAM or YOLO-seg checkpoint, from `samara.load`.
        settings: see `InstanceSettings`; thresholds left at None become those of the checkpoint.

    Raises:
        WrongCheckpoint: it is a checkpoint that answers prompts, for `samara.AutomaticMaskGenerator`.
    """

    def __init__(self, loaded: Loaded, settings: InstanceSettings | None = None) -> None:
        self.loaded = loaded
        self.settings = asked = settings or InstanceSettings()
        self.engine: InstanceEngine = open_instance_engine(loaded)
        self.confidence_thresh = loaded.pred_iou_thresh if asked.confidence_thresh is None else asked.confidence_thresh
        self.box_nms_thresh = loaded.variant.box_nms_thresh if asked.box_nms_thresh is None else asked.box_nms_thresh
        # Of images that somebody still asks about: prompts choose among them again and again.
        self._found: WeakKeyDictionary[SeenInstances, MaskSet] = WeakKeyDictionary()

    def embed(self, image: ImageSource) -> SeenInstances:
        """See `Segmenter.embed`: the network's one pass."""
        pixels = read_image(image)
        letterbox = Letterbox((pixels.shape[0], pixels.shape[1]), self.loaded.input_size)
        preprocessing = self.loaded.variant.preprocessing
        network_input = torch.from_numpy(letterboxed(pixels, letterbox)).to(self.loaded.device).permute(2, 0, 1)[None]
        return SeenInstances(
            self.engine.find(normalise(network_input, preprocessing.mean, preprocessing.std)), letterbox
        )

    def everything(self, seen: SeenInstances, *, progress: Progress | None = None) -> MaskSet:
        """Find everything in an image that was looked at; `progress` is told of the instances drawn.

        Returns:
            Masks at the image's size by falling confidence, which stands in `predicted_iou`, with their classes;
            possibly none. An instance none of whose pixels is positive is left out.
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
        """Choose among everything in an image by any mixture of prompts; see `Segmenter.answer`, `selection.choose`."""
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
        """Choose among everything in an image by points and boxes; arguments as `Predictor.predict`.

        To ask about the same image again, keep what `generate` gave and use
        `samara.segmentation.instances.selection.choose`.

        Raises:
            PromptError: a prompt is malformed, outside the image, or nothing that the checkpoint takes.
        """
        return self.predict_prompts(image, as_prompts(points, labels, boxes), multimask=multimask)

    def unsparing(self, points_per_side: int, max_masks: int) -> InstanceSegmenter:
        """See `Segmenter.unsparing`; there is no grid."""
        del points_per_side
        settings = InstanceSettings(confidence_thresh=MIN_CONFIDENCE, max_instances=max_masks)
        return InstanceSegmenter(self.loaded, settings)

    def with_smaller_batches(self) -> InstanceSegmenter:
        """See `Segmenter.with_smaller_batches`: itself, since one pass has no batches."""
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
        """What samara adds to the published inference, if asked for."""
        settings = self.settings
        if settings.min_mask_region_area > 0:
            masks = masks.cleaned(settings.min_mask_region_area)
        return masks.tidied(
            iou_threshold=settings.mask_nms_thresh,
            containment_threshold=settings.containment_thresh,
            exclusive=settings.exclusive,
            hierarchy=settings.hierarchy,
        )
