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
from samara.segmentation.embeddings import ImageEmbedding, ReadyImage
from samara.segmentation.predictor import MASK_THRESHOLD, Predictor
from samara.segmentation.prompts import Prompt
from samara.segmentation.segmenter import PROMPTS_AT_A_TIME, SMALLER, Segmenter, by_image
from samara.system.progress import Progress


@dataclass(frozen=True, eq=False)
class SeenImage:
    """Image with its embedding, computed on first use because a search in crops does not need it.

    Attributes:
        pixels: (H, W, 3) RGB.
        predictor: predictor that embeds the image.
        known: its embedding, if computed before.
    """

    pixels: npt.NDArray[np.uint8]
    predictor: Predictor
    known: ImageEmbedding | None = None

    @cached_property
    def embedding(self) -> ImageEmbedding:
        """Embedding of the whole image, computed once."""
        return self.known or self.predictor.embed(self.pixels)

    @classmethod
    def without_pixels(cls, embedding: ImageEmbedding, predictor: Predictor) -> SeenImage:
        """Return an image of which only the embedding is kept, which is enough for all but a search in crops."""
        return cls(np.empty((0, 0, 3), np.uint8), predictor, embedding)


@dataclass(frozen=True, eq=False)
class ReadySource:
    """Image before the network.

    Attributes:
        pixels: (H, W, 3) RGB.
        ready: what the image encoder takes; None if the image is searched in crops, which are embedded one by one.
    """

    pixels: npt.NDArray[np.uint8]
    ready: ReadyImage | ImageEmbedding | None


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

    def ready(self, image: ImageSource) -> ReadySource:
        """See `Segmenter.ready`: reads and resizes."""
        pixels = read_image(image)
        return ReadySource(pixels, None if self.settings.crop_n_layers else self.predictor.read(pixels))

    def embed_ready(self, images: Sequence[ReadySource]) -> list[SeenImage]:
        """See `Segmenter.embed_ready`: one pass of the image encoder."""
        embeddings = iter(self.predictor.encode([one.ready for one in images if one.ready is not None]))
        return [
            SeenImage(one.pixels, self.predictor, None if one.ready is None else next(embeddings)) for one in images
        ]

    def answer(self, seen: SeenImage, prompts: Sequence[Prompt], *, multimask: bool = True) -> MaskSet:
        """See `Segmenter.answer`: three masks or one, with low-res logits; HQ-SAM always has one."""
        return self.predictor.predict_prompts(seen.embedding, prompts, multimask=multimask)

    def answer_several(
        self, seen: Sequence[SeenImage], prompts: Sequence[Sequence[Prompt]], *, multimask: bool = True
    ) -> list[MaskSet]:
        """See `Segmenter.answer_several`: prompts of one kind share a pass of the decoder, whatever their image."""
        return self.predictor.predict_batch([one.embedding for one in seen], prompts, multimask=multimask)

    def answer_iou(self, seen: Sequence[SeenImage], prompts: Sequence[Sequence[Prompt]]) -> list[FloatArray] | None:
        """See `Segmenter.answer_iou`: one more pass of the mask decoder, `prompts_at_a_time` at a time."""
        found = [np.ones(len(of_image)) for of_image in prompts]
        pairs = [(image, index) for image, of_image in enumerate(prompts) for index in range(len(of_image))]
        for start in range(0, len(pairs), self.prompts_at_a_time):
            chunk = by_image(pairs[start : start + self.prompts_at_a_time])
            answers = self.predictor.low_res_answers(
                [seen[image].embedding for image in chunk],
                [[prompts[image][index] for index in indices] for image, indices in chunk.items()],
            )
            for (image, indices), of_image in zip(chunk.items(), answers, strict=True):
                if of_image.shape[1] < 2:
                    return None
                height, width = seen[image].embedding.frame.low_res_size_hw  # the rest is padding
                found[image][indices] = lowest_answer_iou(of_image[..., :height, :width], MASK_THRESHOLD)
        return found

    def everything(self, seen: SeenImage, *, progress: Progress | None = None) -> MaskSet:
        """See `Segmenter.everything`."""
        image = seen.pixels if self.settings.crop_n_layers else seen.embedding
        return self.generator.generate(image, progress=progress)

    def unsparing(self, points_per_side: int | None, max_masks: int) -> PromptedSegmenter:
        """See `Segmenter.unsparing`: no thresholds; the grid limits the number of masks."""
        del max_masks
        settings = AutomaticSettings(
            points_per_side=points_per_side, pred_iou_thresh=0.0, stability_score_thresh=0.0, min_mask_region_area=0
        )
        return PromptedSegmenter(self.loaded, settings, predictor=self.predictor)

    def with_smaller_batches(self) -> PromptedSegmenter:
        """See `Segmenter.with_smaller_batches`."""
        points = max(1, self.generator.points_per_batch // SMALLER)
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
