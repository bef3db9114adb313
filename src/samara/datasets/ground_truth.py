"""Ground truth: annotated images, independent of the file format."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from samara.errors import DatasetError, SettingsError
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


def split_by_image(
    images: Iterable[LabelledImage], validation_fraction: float, seed: int
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Split a data set into training and validation images.

    The part of an image depends only on its name and the seed, so that adding images later moves none of the others: no
    former validation image becomes a training image. The price is that a small set is split only approximately. One
    exception: with two or more files each part gets at least one, if necessary the one nearest to the boundary.

    Args:
        images: the data set; its order does not matter.
        validation_fraction: expected fraction of validation images, more than 0 and less than 1.
        seed: seed of the split.

    Returns:
        Training and validation images, both in the given order. Entries with the same image file (after resolving
        links) are in the same part; with a single file, the validation part is empty.

    Raises:
        SettingsError: the fraction or the seed is invalid.
    """
    if isinstance(validation_fraction, bool) or not isinstance(validation_fraction, (int, float)):
        raise SettingsError(f"validation_fraction={validation_fraction!r} is not accepted; give a number such as 0.1.")
    if not 0 < validation_fraction < 1:
        raise SettingsError(
            f"validation_fraction={validation_fraction!r} is not accepted; give more than 0 and less than 1."
        )
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise SettingsError(f"seed={seed!r} is not accepted; give a whole number.")
    files = [(os.path.realpath(image.path), image) for image in images]
    places = _places(files, seed)
    validated = {file for file, (share, _) in places.items() if share < validation_fraction}
    if len(places) > 1 and not validated:
        validated = {min(places, key=places.__getitem__)}
    elif len(validated) == len(places):
        validated -= {max(places, key=places.__getitem__, default="")}
    training = [image for file, image in files if file not in validated]
    return training, [image for file, image in files if file in validated]


def _places(files: Iterable[tuple[str, LabelledImage]], seed: int) -> dict[str, tuple[float, str]]:
    """Map each image file to a number in [0, 1) by its name; includes the name, to break ties."""
    names: dict[str, str] = {}
    for file, image in files:
        names[file] = min(names.get(file, image.name), image.name)
    return {file: (place_of_name(name, seed), name) for file, name in names.items()}


def place_of_name(name: str, seed: int) -> float:
    """Map a name to a number in [0, 1) by a digest: uniform, and the same on every machine."""
    # File names may be invalid UTF-8.
    digest = hashlib.sha256(f"{seed} {name}".encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / (1 << 48)
