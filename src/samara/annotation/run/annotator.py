"""From one image to its masks: everything or prompts, whole or in tiles, cleaned; and once more with less memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from samara.annotation.inputs.decoded import ImageByWindow
from samara.annotation.run.prompted import answer_in_windows
from samara.annotation.run.settings import AnnotationSettings
from samara.annotation.run.tiles import stitch, tiles_of
from samara.annotation.store.plan import Asked
from samara.engines.loaded import Loaded
from samara.errors import SettingsError
from samara.masks.mask_set import MaskSet
from samara.segmentation.open import open_segmenter
from samara.segmentation.predictor import Predictor
from samara.segmentation.segmenter import Segmenter


@dataclass(frozen=True, eq=False)
class Annotator:
    """Annotates images, one at a time; several threads may share one.

    Attributes:
        segmenter: what answers.
        settings: see `AnnotationSettings`; whether prompts are asked, or everything.
    """

    segmenter: Segmenter[Any]  # Any: each kind sees its own
    settings: AnnotationSettings

    def annotate(self, image: ImageByWindow, asked: Sequence[Asked] = ()) -> MaskSet:
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
        if self.settings.asking == "prompts":
            masks = answer_in_windows(self.segmenter, image, asked, tiles)
        else:
            found = [self.segmenter.generate(image.window(tile.box_xyxy)) for tile in tiles]
            masks = found[0] if len(tiles) == 1 else stitch(tiles, found, size_hw)
        return self.settings.cleaning.clean(masks)

    def with_smaller_batches(self) -> Annotator:
        """The same answers from less memory."""
        return replace(self, segmenter=self.segmenter.with_smaller_batches())


def make_annotator(
    loaded: Loaded, settings: AnnotationSettings, predictor: Callable[[Loaded], Predictor] = Predictor
) -> Annotator:
    """An annotator with any checkpoint.

    Args:
        loaded: the checkpoint.
        settings: what to do with it.
        predictor: see `open_segmenter`.

    Raises:
        SettingsError: the checkpoint does not do what the settings ask for.
    """
    if settings.asking == "prompts" and not loaded.variant.embeds_images:
        raise SettingsError(
            f"{loaded.name} finds all instances in one pass; a data set from prompts needs a SAM checkpoint"
        )
    return Annotator(open_segmenter(loaded, settings.automatic, predictor=predictor), settings)


def resolved(settings: AnnotationSettings, loaded: Loaded) -> AnnotationSettings:
    """Settings with what the checkpoint brings along, so that the manifest says what was used."""
    return replace(settings, automatic=settings.automatic.for_checkpoint(loaded))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the memory of the machine or of the GPU is used up."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    # PyTorch's allocator for the CPU has no class of its own.
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
