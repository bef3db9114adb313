"""Segmenter for promptable checkpoints: an image is embedded once, then prompts or a grid of points are decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from samara.engines.loaded import Loaded
from samara.images.read import ImageSource, read_image
from samara.masks.mask_set import FloatArray, MaskSet
from samara.segmentation.agreement import lowest_answer_iou
from samara.segmentation.automatic.generator import AutomaticMaskGenerator
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.embeddings import ImageEmbedding
from samara.segmentation.predictor import MASK_THRESHOLD, Predictor
from samara.segmentation.prompts import Prompt
from samara.segmentation.segmenter import PROMPTS_AT_A_TIME, SMALLER, Segmenter
from samara.system.progress import Progress


@dataclass(frozen=True, eq=False)
class SeenImage:
    """Image with its embedding, computed on first use because a search in crops does not need it.

    Attributes:
        pixels: (H, W, 3) RGB.
        predictor: predictor that embeds the image.
    """

    pixels: npt.NDArray[np.uint8]
    predictor: Predictor

    @cached_property
    def embedding(self) -> ImageEmbedding:
        """Embedding of the whole image, computed once."""
        return self.predictor.embed(self.pixels)


class PromptedSegmenter(Segmenter[SeenImage]):
    """Segmenter that embeds images and answers prompts.

    Args:
        loaded: a promptable checkpoint, from `samara.load`.
        settings: settings of automatic masks.
        predictor: predictor of that checkpoint, such as one that caches embeddings; None for a plain one.
        prompts_at_a_time: maximum prompts that `best` answers together.
    """

    def __init__(
        self,
        loaded: Loaded,
        settings: AutomaticSettings | None = None,
        *,
        predictor: Predictor | None = None,
        prompts_at_a_time: int = PROMPTS_AT_A_TIME,
    ) -> None:
        self.loaded = loaded
        self.generator = AutomaticMaskGenerator(loaded, settings, predictor=predictor)
        self.prompts_at_a_time = prompts_at_a_time

    @property
    def settings(self) -> AutomaticSettings:
        """Settings of automatic masks with the checkpoint's thresholds filled in."""
        return self.generator.settings

    @property
    def predictor(self) -> Predictor:
        """Predictor of the checkpoint."""
        return self.generator.predictor

    def embed(self, image: ImageSource) -> SeenImage:
        """See `Segmenter.embed`; the image encoder runs when the embedding is first needed."""
        return SeenImage(read_image(image), self.predictor)

    def answer(self, seen: SeenImage, prompts: Sequence[Prompt], *, multimask: bool = True) -> MaskSet:
        """See `Segmenter.answer`: three masks or one, with low-res logits; HQ-SAM always has one."""
        return self.predictor.predict_prompts(seen.embedding, prompts, multimask=multimask)

    def answer_iou(self, seen: SeenImage, prompts: Sequence[Prompt]) -> FloatArray | None:
        """See `Segmenter.answer_iou`: one more pass of the mask decoder, `prompts_at_a_time` at a time."""
        size, found = self.prompts_at_a_time, []
        for start in range(0, len(prompts), size):
            answers = self.predictor.low_res_answers(seen.embedding, prompts[start : start + size])
            lowest = lowest_answer_iou(answers, MASK_THRESHOLD)
            if lowest is None:
                return None
            found.append(lowest)
        return np.concatenate([np.zeros(0), *found])

    def everything(self, seen: SeenImage, *, progress: Progress | None = None) -> MaskSet:
        """See `Segmenter.everything`."""
        image = seen.pixels if self.settings.crop_n_layers else seen.embedding
        return self.generator.generate(image, progress=progress)

    def unsparing(self, points_per_side: int, max_masks: int) -> PromptedSegmenter:
        """See `Segmenter.unsparing`: no thresholds; the grid limits the number of masks."""
        del max_masks
        settings = AutomaticSettings(
            points_per_side=points_per_side, pred_iou_thresh=0.0, stability_score_thresh=0.0, min_mask_region_area=0
        )
        return PromptedSegmenter(self.loaded, settings, predictor=self.predictor)

    def with_smaller_batches(self) -> PromptedSegmenter:
        """See `Segmenter.with_smaller_batches`."""
        points = max(1, self.settings.points_per_batch // SMALLER)
        return PromptedSegmenter(
            self.loaded,
            replace(self.settings, points_per_batch=points),
            predictor=self.predictor,
            prompts_at_a_time=max(1, self.prompts_at_a_time // SMALLER),
        )

    def described_settings(self) -> dict[str, Any]:
        """See `Segmenter.described_settings`."""
        settings = self.settings
        return asdict(settings) | {"point_grids": None if settings.point_grids is None else "given"}
