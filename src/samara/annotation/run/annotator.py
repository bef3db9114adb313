"""From one image to its masks: everything or prompts, whole or in tiles, cleaned; with a retry in less memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from samara.annotation.inputs.decoded import ImageByWindow
from samara.annotation.run.prompted import answer_in_windows, answer_whole, seen_windows
from samara.annotation.run.settings import AnnotationSettings
from samara.annotation.run.tiles import Tile, stitch, tiles_of
from samara.annotation.store.plan import Asked
from samara.engines.loaded import Loaded
from samara.errors import SettingsError
from samara.masks.mask_set import MaskSet
from samara.segmentation.capabilities import check_everything
from samara.segmentation.open import open_segmenter
from samara.segmentation.predictor import Predictor
from samara.segmentation.segmenter import Segmenter


@dataclass(frozen=True, eq=False)
class Annotator:
    """Annotates images, one at a time; several threads may share one.

    Attributes:
        segmenter: segmenter that makes the masks.
        settings: annotation settings, including whether prompts or everything is segmented.
        batch: maximum images or tiles per pass of the image encoder.
    """

    segmenter: Segmenter[Any]  # Any: each kind of segmenter has its own embedding
    settings: AnnotationSettings
    batch: int = 1

    def ready(self, image: ImageByWindow, asked: Sequence[Asked] = ()) -> Any:
        """Do what an image needs before the network; any thread may run ahead with it.

        Returns:
            What `Segmenter.embed_ready` takes; None for an image that is cut into tiles, or of which nothing is asked.
        """
        tiles = self._tiles(image)
        if len(tiles) > 1 or (self.settings.asking == "prompts" and not asked):
            return None
        return self.segmenter.ready(image.window(tiles[0].box_xyxy))

    def annotate(self, image: ImageByWindow, asked: Sequence[Asked] = (), seen: Any = None) -> MaskSet:
        """Compute the masks of one image.

        Args:
            image: the image, whole or by windows.
            asked: its prompts, if prompts are segmented.
            seen: the embedded image, from what `ready` returned; None to embed it here.

        Returns:
            Masks in the image's frame; with prompts one mask each, unless cleaning drops it.

        Raises:
            PromptError: A prompt exceeds the image.
            MemoryError, RuntimeError: see `is_out_of_memory`.
        """
        if self.settings.asking == "prompts" and seen is not None:
            return self.answer_together([image], [asked], [seen])[0]
        tiles = self._tiles(image)
        if self.settings.asking == "prompts":
            masks = answer_in_windows(
                self.segmenter, image, asked, tiles, self.batch, compares_answers=self.settings.compares_answers
            )
        elif seen is not None:
            masks = self.segmenter.everything(seen)
        else:
            found = self._everything(image, tiles)
            masks = found[0] if len(tiles) == 1 else stitch(tiles, found, image.size_hw)
        return self.settings.cleaning.clean(masks)

    def answer_together(
        self, images: Sequence[ImageByWindow], asked: Sequence[Sequence[Asked]], seen: Sequence[Any]
    ) -> list[MaskSet]:
        """Answer the prompts of several embedded images together; see `annotate`.

        Raises:
            PromptError: A prompt exceeds its image.
        """
        sizes_hw = [image.size_hw for image in images]
        answers = answer_whole(self.segmenter, seen, asked, sizes_hw, compares_answers=self.settings.compares_answers)
        return [self.settings.cleaning.clean(masks) for masks in answers]

    def with_smaller_batches(self) -> Annotator:
        """Return an annotator with the same results and less memory."""
        return replace(self, segmenter=self.segmenter.with_smaller_batches(), batch=1)

    def _tiles(self, image: ImageByWindow) -> list[Tile]:
        return tiles_of(image.size_hw, self.settings.tile, self.settings.tile_overlap)

    def _everything(self, image: ImageByWindow, tiles: Sequence[Tile]) -> list[MaskSet]:
        """Segment everything in each tile."""
        if self.batch == 1:
            return [self.segmenter.generate(image.window(tile.box_xyxy)) for tile in tiles]
        windows = seen_windows(self.segmenter, image, [tile.box_xyxy for tile in tiles], self.batch)
        return [self.segmenter.everything(seen) for group in windows for seen in group]


def make_annotator(
    loaded: Loaded, settings: AnnotationSettings, predictor: Callable[[Loaded], Predictor] = Predictor, batch: int = 1
) -> Annotator:
    """Build an annotator for any checkpoint.

    Args:
        loaded: the checkpoint.
        settings: annotation settings.
        predictor: see `open_segmenter`.
        batch: see `Annotator`.

    Raises:
        SettingsError: the checkpoint does not support the settings.
        PromptError: everything is wanted of a checkpoint that answers boxes alone.
    """
    _check_asking(loaded, settings)
    return Annotator(open_segmenter(loaded, settings.automatic, predictor=predictor), settings, batch)


def check_settings(loaded: Loaded, settings: AnnotationSettings) -> None:
    """Raise what `make_annotator` raises about the settings, without compiling the network for its engine."""
    _check_asking(loaded, settings)
    if not loaded.variant.embeds_images:
        open_segmenter(loaded, settings.automatic)


def _check_asking(loaded: Loaded, settings: AnnotationSettings) -> None:
    if settings.asking == "everything":
        check_everything(loaded.variant)
    if settings.asking == "prompts" and not loaded.variant.embeds_images:
        raise SettingsError(
            f"{loaded.name} finds all instances in one pass and takes no prompts; use a SAM checkpoint to annotate "
            "from prompts"
        )


def resolved(settings: AnnotationSettings, loaded: Loaded) -> AnnotationSettings:
    """Fill in the checkpoint's own defaults, so that the manifest records the values used."""
    return replace(settings, automatic=settings.automatic.for_checkpoint(loaded))


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that the machine or the GPU is out of memory."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    # PyTorch's CPU allocator has no exception class of its own.
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
