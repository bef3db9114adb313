"""Ground truth: what somebody drew, whatever the file it came from."""

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
"""A part of a data set that says itself what is trained on, validated with and tested on."""

PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True, slots=True)
class Instance:
    """One object, as drawn.

    Attributes:
        rle: its mask; empty (area 0) if the outline covers no pixel's middle.
        category: name of what it is, None if the file does not say.
        is_crowd: whether the mask covers a group that was not told apart (COCO's iscrowd).
    """

    rle: Rle
    category: str | None
    is_crowd: bool = False


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An image file and what was drawn in it.

    Attributes:
        path: of the image; existed when the ground truth was read.
        size_hw: H, W that the masks have. They are meant in the upright frame, as `samara.images` reads images.
        instances: may be empty, if there is nothing in the image.
        name: of the image as the file has it, always with "/"; unique within one data set.
        source: the file that the instances are from, for messages; None if there is none.
        collection: the data set that the image was taken from, where several were put together; None if the file
            does not say.
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
            DatasetError: it has another size than its masks.
        """
        pixels = self.reading.pixels(self.path)
        self.check_size((pixels.shape[0], pixels.shape[1]))
        return pixels

    def check_size(self, upright_hw: tuple[int, int]) -> None:
        """Compare the size of the masks with the image's, before decoding any mask.

        Args:
            upright_hw: H, W of the image as read, after EXIF orientation.

        Raises:
            DatasetError: the masks belong to another size, or to the image as it lies in the file.
        """
        if tuple(upright_hw) == self.size_hw:
            return
        (height, width), (drawn_height, drawn_width) = upright_hw, self.size_hw
        remedy = "resize the image, or correct its size in the file"
        if (drawn_width, drawn_height) == (height, width):
            remedy = "it seems to be annotated lying on its side, without its EXIF orientation: turn the annotation"
        raise DatasetError(
            f"{str(self.path)!r} has {height} x {width} pixels (height x width, upright), but its ground truth "
            f"{drawn_height} x {drawn_width}; {remedy}."
        )


@dataclass(frozen=True)
class DataSet:
    """All images of a data set.

    Attributes:
        images: every image once.
        parts: those of each part, as the data set says itself; empty if it is not divided.
    """

    images: tuple[LabelledImage, ...]
    parts: Mapping[Part, tuple[LabelledImage, ...]] = field(default_factory=dict)


def split_by_image(
    images: Iterable[LabelledImage], validation_fraction: float, seed: int
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Divide a data set into images to train with and images to validate with.

    The side of an image follows from its name and the seed alone, so that images added later move none of the
    others: what was validated with yesterday is not trained with today. The price is that a small set is divided
    only roughly as asked. The one exception: of two or more files at least one comes to each side, if need be the
    one nearest to the other side.

    Args:
        images: the data set; its order plays no part.
        validation_fraction: expected share of the validation side, more than 0 and less than 1.
        seed: another one gives another division.

    Returns:
        Training and validation images, both in the order given. Entries with the same image file, links
        followed, come to the same side; with one file only, the validation side is empty.

    Raises:
        SettingsError: the fraction or the seed is not accepted.
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
    """Where between 0 and 1 each image file lies, by its name; the name too, to settle ties."""
    names: dict[str, str] = {}
    for file, image in files:
        names[file] = min(names.get(file, image.name), image.name)
    return {file: (place_of_name(name, seed), name) for file, name in names.items()}


def place_of_name(name: str, seed: int) -> float:
    """Where between 0 and 1 a name lies, by a digest: evenly spread, and the same on every machine."""
    # File names need not be valid text.
    digest = hashlib.sha256(f"{seed} {name}".encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / (1 << 48)
