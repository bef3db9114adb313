"""From one image to its masks: everything or prompts, whole or in tiles, cleaned; with a retry in less memory."""

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
from samara.segmentation.predictor import Predictor, check_everything
from samara.segmentation.segmenter import Segmenter


@dataclass(frozen=True, eq=False)
class Annotator:
    """Annotates images, one at a time; several threads may share one.

    Attributes:
        segmenter: segmenter that makes the masks.
        settings: annotation settings, including whether prompts or everything is segmented.
    """

    segmenter: Segmenter[Any]  # Any: each kind of segmenter has its own embedding
    settings: AnnotationSettings

    def annotate(self, image: ImageByWindow, asked: Sequence[Asked] = ()) -> MaskSet:
        """Compute the masks of one image.

        Args:
            image: the image, whole or by windows.
            asked: its prompts, if prompts are segmented.

        Returns:
            Masks in the image's frame; with prompts one mask each, unless cleaning drops it.

        Raises:
            PromptError: A prompt exceeds the image.
            MemoryError, RuntimeError: see `is_out_of_memory`.
        """
        size_hw = image.size_hw
        tiles = tiles_of(size_hw, self.settings.tile, self.settings.tile_overlap)
        if self.settings.asking == "prompts":
            compares = self.settings.compares_answers
            masks = answer_in_windows(self.segmenter, image, asked, tiles, compares_answers=compares)
        else:
            found = [self.segmenter.generate(image.window(tile.box_xyxy)) for tile in tiles]
            masks = found[0] if len(tiles) == 1 else stitch(tiles, found, size_hw)
        return self.settings.cleaning.clean(masks)

    def with_smaller_batches(self) -> Annotator:
        """Return an annotator with the same results and less memory."""
        return replace(self, segmenter=self.segmenter.with_smaller_batches())


def make_annotator(
    loaded: Loaded, settings: AnnotationSettings, predictor: Callable[[Loaded], Predictor] = Predictor
) -> Annotator:
    """Build an annotator for any checkpoint.

    Args:
        loaded: the checkpoint.
        settings: annotation settings.
        predictor: see `open_segmenter`.

    Raises:
        SettingsError: the checkpoint does not support the settings.
        PromptError: everything is wanted of a checkpoint that answers boxes alone.
    """
    if settings.asking == "everything":
        check_everything(loaded.variant)
    if settings.asking == "prompts" and not loaded.variant.embeds_images:
        raise SettingsError(
            f"{loaded.name} finds all instances in one pass and takes no prompts; use a SAM checkpoint to annotate "
            "from prompts"
        )
    return Annotator(open_segmenter(loaded, settings.automatic, predictor=predictor), settings)


def resolved(settings: AnnotationSettings, loaded: Loaded) -> AnnotationSettings:
    """Fill in the checkpoint's own defaults, so that the manifest records the values used."""
    return replace(settings, automatic=settings.automatic.for_checkpoint(loaded))


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that the machine or the GPU is out of memory."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    # PyTorch's CPU allocator has no exception class of its own.
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
