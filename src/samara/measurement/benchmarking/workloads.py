"""Timed workloads: the calls of a user, from an image to masks at its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from samara.engines.loaded import Loaded
from samara.images.read import ImageSource
from samara.masks.mask_set import MaskSet
from samara.segmentation.automatic.point_grid import layer_grids
from samara.segmentation.automatic.settings import AutomaticSettings
from samara.segmentation.embeddings import ImageEmbedding
from samara.segmentation.open import open_segmenter
from samara.segmentation.predictor import Predictor
from samara.segmentation.prompts import Prompt
from samara.segmentation.segmenter import Segmenter

Image = npt.NDArray[np.uint8]

PROMPT_COUNTS = (1, 64)
"""Numbers of prompts on one embedded image to time."""

NOTHING_APART = "it finds everything in one pass; there is no separate encoding, and prompts only select masks"
"""Reason why a detector's encoding and decoding are not timed."""

# With random weights either all masks pass the thresholds or none does; neither has the cost of real use.
DRAWN_OF_RANDOM = 1 / 3
NOTE_ON_RANDOM = "random weights: thresholds set so that a third of the masks is kept"
NOTE_ON_RANDOM_DETECTOR = "random weights: the number of instances differs from that of trained weights"


class Workloads:
    """Timed calls of one checkpoint.

    Args:
        loaded: the checkpoint.
        images: images that the calls use in turn, at least one.
        points_per_side: points per side of the grid of `everything`; None for the checkpoint's own.

    Attributes:
        is_apart: whether encoding and decoding are calls of their own; if not, there is `everything` alone.
        why_not_everything: why there is no `everything`; empty if there is.
    """

    def __init__(self, loaded: Loaded, images: Sequence[Image], points_per_side: int | None) -> None:
        self.loaded, self.images, self.points_per_side = loaded, images, points_per_side
        self.is_apart = loaded.variant.embeds_images
        finds_everything = loaded.variant.capabilities.everything
        self.why_not_everything = "" if finds_everything else f"{loaded.variant.title} answers boxes alone"

    @property
    def note(self) -> str:
        """Note on `everything`; empty for a checkpoint from a file."""
        if self.loaded.provenance.weights == "file":
            return ""
        return NOTE_ON_RANDOM if self.is_apart else NOTE_ON_RANDOM_DETECTOR

    @cached_property
    def predictor(self) -> Predictor:
        """Predictor of the checkpoint; not for detectors."""
        return Predictor(self.loaded)

    @cached_property
    def embedding(self) -> ImageEmbedding:
        """Embedding of the first image, computed on first access, which must not happen during timing."""
        return self.predictor.embed(self.images[0])

    @cached_property
    def segmenter(self) -> Segmenter[Any]:  # Any: each kind sees its own
        """Segmenter for `everything`, opened on first access, which must not happen during timing."""
        if not self.is_apart:
            return open_segmenter(self.loaded)
        settings = AutomaticSettings(points_per_side=self.points_per_side)
        if self.loaded.provenance.weights == "random":
            settings = replace(settings, pred_iou_thresh=self._threshold(), stability_score_thresh=0.0)
        return open_segmenter(self.loaded, settings)

    def encode(self, batch_size: int, call: int) -> None:
        """Resize, normalise and encode a batch of images."""
        batch: list[ImageSource] = [self._image(call * batch_size + index) for index in range(batch_size)]
        self.predictor.embed(batch, batch_size=batch_size)

    def decode(self, prompts: int, call: int) -> MaskSet:
        """Predict masks for prompts on the first image, with different ones in each call.

        Three masks for each click; a checkpoint that takes no clicks is given boxes.
        """
        height, width = self.images[0].shape[:2]
        places = np.random.default_rng(call).random((prompts, 2)) * (width - 1, height - 1)
        by_click = self.loaded.variant.capabilities.points
        asked = [Prompt(place, [1]) if by_click else Prompt(box=[*place / 2, *place / 2 + 1]) for place in places]
        return self.predictor.predict_prompts(self.embedding, asked)

    def everything(self, call: int) -> MaskSet:
        """Find everything in an image, with the checkpoint's own thresholds."""
        return self.segmenter.generate(self._image(call))

    def _image(self, number: int) -> Image:
        return self.images[number % len(self.images)]

    def _threshold(self) -> float:
        """Return the predicted IoU threshold that the wanted share of masks of a regular grid exceeds."""
        grid = layer_grids(AutomaticSettings(points_per_side=8))[0] * self.embedding.original_size_hw[::-1]
        masks = self.predictor.predict_prompts(self.embedding, [Prompt(point, [1]) for point in grid])
        return float(np.quantile(masks.predicted_iou, 1 - DRAWN_OF_RANDOM))
