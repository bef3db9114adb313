"""Whatever can be evaluated: it looks at an image once and then answers prompts, or gives everything that it sees.

SAM and its kin do it with `Predictor` and `AutomaticMaskGenerator`, FastSAM and YOLO-seg with `InstanceSegmenter`. Any
other family, and any baseline, joins by the same three functions; what it cannot be asked is left out by its
capabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from samara.engines.loaded import Loaded
from samara.masks.mask_set import MaskSet
from samara.masks.rle import Rle
from samara.measurement.evaluation.recall import MAX_MASKS
from samara.networks.variants import Capabilities
from samara.segmentation.automatic.generator import AutomaticMaskGenerator
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.embeddings import ImageEmbedding
from samara.segmentation.instances.segmenter import InstanceSegmenter
from samara.segmentation.instances.selection import choose
from samara.segmentation.instances.settings import InstanceSettings
from samara.segmentation.prompts import Prompt

Image = npt.NDArray[np.uint8]

Seen = TypeVar("Seen")
"""What a contestant keeps of an image: an embedding, or all masks that it found."""

# Confidence from which a detector's instances count for recall; below it there are tens of thousands.
MIN_CONFIDENCE = 0.001

# Prompts that are answered together: their masks are alive as logits at the same time.
PROMPTS_AT_A_TIME = 64


@dataclass(frozen=True, eq=False)
class Answer:
    """The mask that a contestant gives for one prompt.

    Attributes:
        rle: at the image's size; may be empty.
        predicted_iou: what it thinks of it.
        low_res_logits: (4h, 4w) float32, to be given back with the next click; None if it takes none.
    """

    rle: Rle
    predicted_iou: float
    low_res_logits: npt.NDArray[np.float32] | None = None


class Contestant(Protocol[Seen]):
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


class PromptableContestant:
    """A checkpoint of SAM's kind.

    Args:
        loaded: the checkpoint.
        points_per_side: grid of `everything`.
    """

    def __init__(self, loaded: Loaded, points_per_side: int = 32) -> None:
        # Without thresholds, because recall asks what is found at all; the order is by predicted IoU.
        settings = AutomaticSettings(points_per_side=points_per_side, pred_iou_thresh=0.0, stability_score_thresh=0.0)
        self.generator = AutomaticMaskGenerator(loaded, settings)
        self.predictor = self.generator.predictor
        self.capabilities = loaded.variant.capabilities

    def embed(self, image: Image) -> ImageEmbedding:
        """See `Contestant.embed`."""
        return self.predictor.embed(image)

    def answer(self, seen: ImageEmbedding, prompts: Sequence[Prompt]) -> list[Answer]:
        """See `Contestant.answer`: an ambiguous prompt has three masks, any other one."""
        answers: list[Answer] = []
        for is_ambiguous, group in groupby(prompts, key=lambda prompt: prompt.is_ambiguous):
            alike = list(group)
            for start in range(0, len(alike), PROMPTS_AT_A_TIME):
                part = alike[start : start + PROMPTS_AT_A_TIME]
                answers += _answers(self.predictor.predict_prompts(seen, part, multimask=is_ambiguous).best())
        return answers

    def everything(self, seen: ImageEmbedding) -> MaskSet:
        """See `Contestant.everything`."""
        return self.generator.generate(seen)


def _answers(masks: MaskSet) -> list[Answer]:
    logits = masks.low_res_logits
    return [
        Answer(rle, float(masks.predicted_iou[index]), None if logits is None else logits[index])
        for index, rle in enumerate(masks.rles)
    ]


@dataclass(frozen=True, eq=False)
class _Found:
    """What a detector keeps of an image."""

    image: Image
    masks: MaskSet


class InstanceContestant:
    """FastSAM or YOLO-seg: prompts choose among what was found in one pass, where the variant takes prompts at all.

    Args:
        loaded: the checkpoint.
    """

    def __init__(self, loaded: Loaded) -> None:
        self.segmenter = InstanceSegmenter(loaded)
        self.unsparing = InstanceSegmenter(
            loaded, InstanceSettings(confidence_thresh=MIN_CONFIDENCE, max_instances=MAX_MASKS)
        )
        self.capabilities = loaded.variant.capabilities

    def embed(self, image: Image) -> _Found:
        """See `Contestant.embed`: finds all instances, with the checkpoint's own thresholds."""
        return _Found(image, self.segmenter.generate(image))

    def answer(self, seen: _Found, prompts: Sequence[Prompt]) -> list[Answer]:
        """See `Contestant.answer`: an ambiguous prompt gets the most confident mask, any other all that it chooses."""
        height, width = seen.masks.size_hw
        nothing = Answer(Rle.from_edges(np.zeros(0, np.int64), height, width), 0.0)
        answers = []
        for prompt in prompts:
            chosen = choose(seen.masks, [prompt], multimask=prompt.is_ambiguous)
            answers.append(Answer(chosen.rles[0], float(chosen.predicted_iou[0])) if len(chosen) else nothing)
        return answers

    def everything(self, seen: _Found) -> MaskSet:
        """See `Contestant.everything`: once more, with hardly a threshold."""
        return self.unsparing.generate(seen.image)


def open_contestant(loaded: Loaded, points_per_side: int = 32) -> Contestant[Any]:  # Any: each kind sees its own
    """The contestant that a loaded checkpoint is, whatever its family."""
    if loaded.variant.detector is not None:
        return InstanceContestant(loaded)
    return PromptableContestant(loaded, points_per_side)
