"""Ground truth: annotated images, independent of the file format."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from samara.errors import DatasetError
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.masks.rle import Rle

Part: TypeAlias = Literal["train", "val", "test"]
"""A part of a data set that defines its own split."""

PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True, slots=True)
class Instance:
    """One annotated object.

    Attributes:
        rle: its mask; empty (area 0) if the outline covers no pixel centre.
        category: class name; None if the file states none.
        is_crowd: whether the mask covers a group of unseparated objects (COCO's iscrowd).
    """

    rle: Rle
    category: str | None
    is_crowd: bool = False


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An image file and its annotated objects.

    Attributes:
        path: path of the image; it existed when the ground truth was read.
        size_hw: (H, W) of the masks, in the upright frame, as `samara.images` reads images.
        instances: objects in the image; may be empty.
        name: name of the image as in the file, always with "/"; unique within one data set.
        source: the file with the annotations, for messages; None if there is none.
        collection: original data set of the image in a merged one; None if the file does not say.
        reading: how the image is read.
    """

    path: Path
    size_hw: tuple[int, int]
    instances: tuple[Instance, ...]
    name: str
    source: str | None
    collection: str | None = None
    reading: ImageReading = AS_THEY_ARE

    @property
    def objects(self) -> int:
        """Number of objects with an area, without crowds."""
        return sum(bool(one.rle.area) and not one.is_crowd for one in self.instances)

    def pixels(self) -> npt.NDArray[np.uint8]:
        """Read the image, (H, W, 3) RGB.

        Raises:
            ImageError: it cannot be read.
            DatasetError: its size differs from that of its masks.
        """
        pixels = self.reading.pixels(self.path)
        self.check_size((pixels.shape[0], pixels.shape[1]))
        return pixels

    def check_size(self, upright_hw: tuple[int, int]) -> None:
        """Compare the size of the masks with the image's before decoding any mask.

        Args:
            upright_hw: (H, W) of the image as read, after EXIF orientation.

        Raises:
            DatasetError: the masks have another size, or match the image without its EXIF orientation.
        """
        if tuple(upright_hw) == self.size_hw:
            return
        (height, width), (drawn_height, drawn_width) = upright_hw, self.size_hw
        remedy = "resize the image, or correct its size in the file"
        if (drawn_width, drawn_height) == (height, width):
            remedy = "it seems to be annotated without its EXIF orientation: rotate the annotations"
        raise DatasetError(
            f"{str(self.path)!r} has {height} x {width} pixels (height x width, upright), but its ground truth has "
            f"{drawn_height} x {drawn_width}; {remedy}."
        )


@dataclass(frozen=True)
class DataSet:
    """All images of a data set.

    Attributes:
        images: every image once.
        parts: images of each part of the data set's own split; empty if it has none.
    """

    images: tuple[LabelledImage, ...]
    parts: Mapping[Part, tuple[LabelledImage, ...]] = field(default_factory=dict)


def place_of_name(name: str, seed: int) -> float:
    """Map a name to a number in [0, 1) by a digest: uniform, and the same on every machine."""
    # File names may be invalid UTF-8.
    digest = hashlib.sha256(f"{seed} {name}".encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / (1 << 48)
