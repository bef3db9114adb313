"""Training examples: an image, possibly augmented, and the masks of its objects on the low-res grid."""

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

# Min. number of foreground cells on the low-res grid; smaller objects can be neither clicked nor learnt.
MIN_CELLS = 4

Image = npt.NDArray[np.uint8]
Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LeftOut:
    """What was left out of a set.

    Attributes:
        crowds: number of crowd regions; a prompt means a single object.
        small: number of objects with fewer than `MIN_CELLS` cells of the low-res grid, including empty masks.
        images: number of images without any other object.
    """

    crowds: int
    small: int
    images: int

    def __bool__(self) -> bool:
        """Return whether anything was left out."""
        return bool(self.crowds or self.small or self.images)

    @property
    def title(self) -> str:
        """Describe it for messages."""
        parts = (
            (self.crowds, "crowd regions"),
            (self.small, f"objects smaller than {MIN_CELLS} cells of the low-res grid"),
            (self.images, "images without any other object"),
        )
        named = ", ".join(f"{count:,} {what}" for count, what in parts if count)
        return f"{named}; {CROWDS_AS_OBJECTS} reads crowd regions as objects" if self.crowds else named

    @property
    def because(self) -> str:
        """The end of the message about an empty set."""
        return f"; left out are {self.title}" if self else ""


@dataclass(frozen=True)
class Example:
    """One image under one augmentation.

    Attributes:
        image: the labelled image.
        augmentation: its augmentation; None for none.
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
            DatasetError: the size of the image differs from its annotations'.
            ImageError: it cannot be read.
        """
        return transformed(self.image.pixels(), self.augmentation).astype(np.uint8, copy=False)

    def targets(self, frame: Frame) -> Masks:
        """Return the objects' masks on the low-res grid, (N, 4h, 4w), without tiny objects.

        Args:
            frame: input frame of the transformed image.
        """
        side = frame.low_res_side
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
    """Put the image on a canvas of twice its size, so that its objects appear half as large."""
    H, W = array.shape[:2]  # noqa: N806
    canvas = np.zeros((2 * H, 2 * W, *array.shape[2:]), dtype=array.dtype)
    canvas[H // 2 : H // 2 + H, W // 2 : W // 2 + W] = array
    return canvas


def _middle(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Crop the middle half of the image, so that its objects appear twice as large."""
    H, W = array.shape[:2]  # noqa: N806
    return np.ascontiguousarray(array[H // 4 : H - H // 4, W // 4 : W - W // 4])


def on_grid(mask: npt.NDArray[np.generic], frame: Frame) -> npt.NDArray[np.bool_]:
    """Resample a mask (H, W) to the low-res grid: a cell is foreground if at least half of it is."""
    side = frame.low_res_side
    # Cells that the image covers partly are weighted by the covered part.
    height, width = frame.low_res_size_hw
    cells = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    grid = np.zeros((side, side), dtype=bool)
    grid[: min(height, side), : min(width, side)] = (cells >= 0.5)[:side, :side]
    return grid


def examples_of(images: Sequence[LabelledImage], augmentations: Sequence[Augmentation] = ()) -> list[Example]:
    """Return every image, unchanged and under every augmentation."""
    return [Example(image, augmentation) for augmentation in (None, *augmentations) for image in images]
