"""Training examples: an image, maybe transformed, and the masks of its objects on the low-res grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from samara.datasets.ground_truth import LabelledImage
from samara.datasets.reading.findings import CROWDS_AS_OBJECTS
from samara.finetuning.settings import Augmentation
from samara.images.preprocessing import Frame

# Foreground cells of the low-res grid that an object needs: below, nothing can be clicked at or learnt.
MIN_CELLS = 4

Image = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LeftOut:
    """What of a set cannot be learnt from.

    Attributes:
        crowds: regions of a group that was not told apart; a prompt means one object.
        small: objects of fewer than `MIN_CELLS` cells of the low-res grid, empty masks among them.
        images: those that have nothing else, or nothing at all.
    """

    crowds: int
    small: int
    images: int

    def __bool__(self) -> bool:
        """Whether there is something to tell."""
        return bool(self.crowds or self.small or self.images)

    @property
    def title(self) -> str:
        """For messages."""
        parts = (
            (self.crowds, "crowd regions"),
            (self.small, f"objects smaller than {MIN_CELLS} cells of the low-res grid"),
            (self.images, "images without any other object"),
        )
        named = ", ".join(f"{count:,} {what}" for count, what in parts if count)
        return f"{named}; {CROWDS_AS_OBJECTS} takes crowd regions as objects" if self.crowds else named

    @property
    def because(self) -> str:
        """The end of a message about a set of which nothing is left."""
        return f"; left out are {self.title}" if self else ""


@dataclass(frozen=True)
class Example:
    """One image under one augmentation.

    Attributes:
        image: the labelled image.
        augmentation: what is done to it, None for nothing.
    """

    image: LabelledImage
    augmentation: Augmentation | None

    @property
    def size_hw(self) -> tuple[int, int]:
        """(H, W) of the transformed image."""
        H, W = self.image.size_hw  # noqa: N806
        match self.augmentation:
            case "rotate90" | "rotate270":
                return W, H
            case "half":
                return 2 * H, 2 * W
            case "double":
                return H - 2 * (H // 4), W - 2 * (W // 4)
            case _:
                return H, W

    def pixels(self) -> Image:
        """The transformed image, (H, W, 3) RGB.

        Raises:
            DatasetError: the image has another size than its annotations say.
            ImageError: it cannot be read.
        """
        return transformed(self.image.pixels(), self.augmentation).astype(np.uint8, copy=False)

    def targets(self, frame: Frame) -> Masks:
        """The objects' masks on the low-res grid, (N, S / 4, S / 4); tiny objects are left out.

        Args:
            frame: of the transformed image, with the input side S.
        """
        side = frame.side // 4
        grids = [
            on_grid(transformed(instance.rle.decode(), self.augmentation), frame)
            for instance in self.image.instances
            if not instance.is_crowd
        ]
        kept = [grid for grid in grids if grid.sum() >= MIN_CELLS]
        return np.stack(kept) if kept else np.zeros((0, side, side), dtype=bool)


def transformed(array: npt.NDArray[np.generic], augmentation: Augmentation | None) -> npt.NDArray[np.generic]:
    """Transform an image (H, W, 3) or a mask (H, W)."""
    match augmentation:
        case None:
            return array
        case "flip":
            return np.ascontiguousarray(array[:, ::-1])
        case "rotate90" | "rotate180" | "rotate270":
            return np.ascontiguousarray(np.rot90(array, int(augmentation[6:]) // 90))
        case "half":
            return _on_larger_canvas(array)
        case "double":
            return _middle(array)


def _on_larger_canvas(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """The image on a canvas of twice its size, so that its objects appear at half theirs."""
    H, W = array.shape[:2]  # noqa: N806
    canvas = np.zeros((2 * H, 2 * W, *array.shape[2:]), dtype=array.dtype)
    canvas[H // 2 : H // 2 + H, W // 2 : W // 2 + W] = array
    return canvas


def _middle(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """The middle half of the image, so that its objects appear at twice their size."""
    H, W = array.shape[:2]  # noqa: N806
    return np.ascontiguousarray(array[H // 4 : H - H // 4, W // 4 : W - W // 4])


def on_grid(mask: npt.NDArray[np.generic], frame: Frame) -> npt.NDArray[np.bool_]:
    """A mask (H, W) on the low-res grid of its image: a cell is foreground when at least half of it is."""
    h, w = frame.resized_size_hw
    side = frame.side // 4
    # Cells that the image covers only in part count by the part that it covers.
    height, width = max(1, round(h / 4)), max(1, round(w / 4))
    cells = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    grid = np.zeros((side, side), dtype=bool)
    grid[: min(height, side), : min(width, side)] = (cells >= 0.5)[:side, :side]
    return grid


def examples_of(images: Sequence[LabelledImage], augmentations: Sequence[Augmentation] = ()) -> list[Example]:
    """Every image as it is and under every augmentation."""
    return [Example(image, augmentation) for augmentation in (None, *augmentations) for image in images]
