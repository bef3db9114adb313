"""Model under test: the interface of the evaluation, and its implementation for segmenters of any family.

A baseline implements the same three methods; measures outside a model's capabilities are skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol

import numpy as np
import numpy.typing as npt

from samara.engines.loaded import Loaded
from samara.masks.mask_set import MaskSet
from samara.masks.rle import Rle
from samara.measurement.evaluation.recall import MAX_MASKS
from samara.networks.variants import Capabilities
from samara.segmentation.open import open_segmenter
from samara.segmentation.prompts import Prompt
from samara.segmentation.segmenter import Seen, Segmenter

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Answer:
    """Mask of a model for one prompt.

    Attributes:
        rle: mask at the image's size; may be empty.
        predicted_iou: predicted IoU of the mask.
        low_res_logits: (4h, 4w) float32, passed back with the next click; None if the model takes none.
    """

    rle: Rle
    predicted_iou: float
    low_res_logits: npt.NDArray[np.float32] | None = None


class ModelUnderTest(Protocol[Seen]):
    """Interface of a model to the evaluation."""

    @property
    def capabilities(self) -> Capabilities:
        """Prompts that the model takes; others are not measured."""
        ...

    def embed(self, image: Image) -> Seen:
        """Embed an image, (H, W, 3) RGB uint8."""
        ...

    def answer(self, seen: Seen, prompts: Sequence[Prompt]) -> list[Answer]:
        """Return one mask per prompt, in order; for an ambiguous prompt, the one with the highest predicted IoU."""
        ...

    def everything(self, seen: Seen) -> MaskSet:
        """Return all masks found, without thresholds."""
        ...


@dataclass(frozen=True, eq=False)
class SegmenterUnderTest(Generic[Seen]):
    """A checkpoint as a model under test.

    Attributes:
        segmenter: segmenter for prompts, with the checkpoint's own thresholds.
        unsparing: segmenter for everything, with minimal thresholds, because recall measures what can be found at all.
    """

    segmenter: Segmenter[Seen]
    unsparing: Segmenter[Seen]

    @property
    def capabilities(self) -> Capabilities:
        """See `ModelUnderTest.capabilities`."""
        return self.segmenter.loaded.variant.capabilities

    def embed(self, image: Image) -> Seen:
        """See `ModelUnderTest.embed`."""
        return self.segmenter.embed(image)

    def answer(self, seen: Seen, prompts: Sequence[Prompt]) -> list[Answer]:
        """See `ModelUnderTest.answer` and `Segmenter.best`; the mask is empty if none was selected."""
        masks = self.segmenter.best(seen, prompts)
        nothing = Answer(Rle.from_edges(np.zeros(0, np.int64), *masks.size_hw), 0.0)
        answers = dict(zip(masks.prompt_index.tolist(), _answers(masks), strict=True))
        return [answers.get(index, nothing) for index in range(len(prompts))]

    def everything(self, seen: Seen) -> MaskSet:
        """See `ModelUnderTest.everything`."""
        return self.unsparing.everything(seen)


def _answers(masks: MaskSet) -> list[Answer]:
    logits = masks.low_res_logits
    return [
        Answer(rle, float(masks.predicted_iou[index]), None if logits is None else logits[index])
        for index, rle in enumerate(masks.rles)
    ]


def model_under_test(
    loaded: Loaded, points_per_side: int | None = None
) -> SegmenterUnderTest[Any]:  # Any: each kind sees its own
    """Wrap a loaded checkpoint for the evaluation; `points_per_side` None is the checkpoint's own of "everything"."""
    segmenter = open_segmenter(loaded)
    return SegmenterUnderTest(segmenter, segmenter.unsparing(points_per_side, MAX_MASKS))
