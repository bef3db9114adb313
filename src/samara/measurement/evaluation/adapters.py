"""The model under test: what the evaluation asks, and a checkpoint's segmenter that answers it, whatever its family.

A baseline joins by the same three functions; what a model cannot be asked is left out by its capabilities.
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
    """The mask that a model gives for one prompt.

    Attributes:
        rle: at the image's size; may be empty.
        predicted_iou: what it thinks of it.
        low_res_logits: (4h, 4w) float32, to be given back with the next click; None if it takes none.
    """

    rle: Rle
    predicted_iou: float
    low_res_logits: npt.NDArray[np.float32] | None = None


class ModelUnderTest(Protocol[Seen]):
    """What the evaluation speaks to."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can be asked; the rest is not measured."""
        ...

    def embed(self, image: Image) -> Seen:
        """Look at an image, (H, W, 3) RGB uint8, once."""
        ...

    def answer(self, seen: Seen, prompts: Sequence[Prompt]) -> list[Answer]:
        """Give one mask for each prompt, in their order; of an ambiguous prompt the one that it trusts most."""
        ...

    def everything(self, seen: Seen) -> MaskSet:
        """Give all masks that it finds, without thresholds where it has some."""
        ...


@dataclass(frozen=True, eq=False)
class SegmenterUnderTest(Generic[Seen]):
    """A checkpoint as a model under test.

    Attributes:
        segmenter: answers prompts, with the checkpoint's own thresholds.
        unsparing: finds everything, with hardly a threshold, because recall asks what is found at all.
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
        """See `ModelUnderTest.answer` and `Segmenter.best`; the mask is empty where none was chosen."""
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
    loaded: Loaded, points_per_side: int = 32
) -> SegmenterUnderTest[Any]:  # Any: each kind sees its own
    """A loaded checkpoint, whatever its family, as the evaluation asks it; `points_per_side` of everything."""
    segmenter = open_segmenter(loaded)
    return SegmenterUnderTest(segmenter, segmenter.unsparing(points_per_side, MAX_MASKS))
