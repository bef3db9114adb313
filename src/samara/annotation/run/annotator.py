"""From one image to its masks: everything or prompts, whole or in tiles, cleaned; and once more with less memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch

from samara.annotation.inputs.decoded import Image, Pixels
from samara.annotation.run.prompted import PromptedSegmenter
from samara.annotation.run.settings import AnnotationSettings
from samara.annotation.run.tiles import stitch, tiles_of
from samara.annotation.store.plan import Asked
from samara.engines.loaded import Loaded
from samara.errors import SettingsError
from samara.masks.mask_set import MaskSet
from samara.segmentation.automatic.generator import AutomaticMaskGenerator
from samara.segmentation.predictor import Predictor
from samara.segmentation.segmenter import open_segmenter

# What is left of a batch after the memory ran out.
SMALLER = 4


class Finder(Protocol):
    """Anything that finds masks in an image."""

    def generate(self, image: Pixels) -> MaskSet:
        """Find them in (H, W, 3) RGB uint8."""


@dataclass(frozen=True, eq=False)
class Annotator:
    """Annotates images, one at a time; several threads may share one.

    Attributes:
        segmenter: what answers: to prompts if it is a `PromptedSegmenter`, else with everything.
        settings: see `AnnotationSettings`.
    """

    segmenter: Finder | PromptedSegmenter
    settings: AnnotationSettings

    def annotate(self, image: Image, asked: Sequence[Asked] = ()) -> MaskSet:
        """Find the masks of one image.

        Args:
            image: whole or by windows.
            asked: its prompts, where prompts are asked.

        Returns:
            Masks in the image's frame; with prompts one for each of them, as far as cleaning leaves it.

        Raises:
            PromptError: a prompt leaves the image.
            MemoryError, RuntimeError: see `is_out_of_memory`.
        """
        size_hw = image.size_hw
        tiles = tiles_of(size_hw, self.settings.tile, self.settings.tile_overlap)
        if isinstance(self.segmenter, PromptedSegmenter):
            masks = self.segmenter.answer(image, asked, tiles)
        else:
            found = [self.segmenter.generate(image.window(tile.box_xyxy)) for tile in tiles]
            masks = found[0] if len(tiles) == 1 else stitch(tiles, found, size_hw)
        return self.settings.cleaning.clean(masks)

    def with_smaller_batches(self) -> Annotator:
        """The same answers from less memory."""
        segmenter = self.segmenter
        if isinstance(segmenter, PromptedSegmenter):
            segmenter = replace(segmenter, prompts_at_a_time=max(1, segmenter.prompts_at_a_time // SMALLER))
        elif isinstance(segmenter, AutomaticMaskGenerator):
            batch = max(1, segmenter.settings.points_per_batch // SMALLER)
            smaller = AutomaticMaskGenerator(segmenter.loaded, replace(segmenter.settings, points_per_batch=batch))
            smaller.predictor = segmenter.predictor
            segmenter = smaller
        return replace(self, segmenter=segmenter)


def make_annotator(loaded: Loaded, settings: AnnotationSettings, predictor: Predictor | None = None) -> Annotator:
    """An annotator with any checkpoint.

    Args:
        loaded: the checkpoint.
        settings: what to do with it.
        predictor: of that checkpoint, such as one that keeps embeddings; None for a plain one.

    Raises:
        SettingsError: the checkpoint does not do what the settings ask for.
    """
    if loaded.variant.detector is not None:
        if settings.asking == "prompts":
            raise SettingsError(
                f"{loaded.name} finds all instances in one pass; a data set from prompts needs a SAM checkpoint"
            )
        return Annotator(open_segmenter(loaded, settings.automatic), settings)
    if settings.asking == "prompts":
        return Annotator(PromptedSegmenter(predictor or Predictor(loaded)), settings)
    generator = AutomaticMaskGenerator(loaded, settings.automatic)
    generator.predictor = predictor or generator.predictor
    return Annotator(generator, settings)


def resolved(settings: AnnotationSettings, loaded: Loaded) -> AnnotationSettings:
    """Settings with what the checkpoint brings along, so that the manifest says what was used."""
    return replace(settings, automatic=settings.automatic.for_checkpoint(loaded))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of the machine or of the GPU is used up."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    # PyTorch's allocator for the CPU has no class of its own.
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
