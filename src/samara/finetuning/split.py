"""An exact, stratified split of a data set into training and validation images."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass

from samara.datasets.ground_truth import LabelledImage

MIN_HELD_OUT = 3
"""Images that validate at least, where the set has twice as many: the mean over fewer says little."""


@dataclass(frozen=True)
class SetSizes:
    """Sizes of the two sets of a run, before anything is left out.

    Attributes:
        training_images, validation_images: number of images.
        training_objects, validation_objects: number of annotated objects in them.
    """

    training_images: int
    training_objects: int
    validation_images: int
    validation_objects: int

    @property
    def title(self) -> str:
        """Describe them in one line."""
        images = f"{self.training_images:,} image{'' if self.training_images == 1 else 's'}"
        return (
            f"{images} with {self.training_objects:,} objects for training, "
            f"{self.validation_images:,} with {self.validation_objects:,} for validation"
        )


def sizes_of(training: Sequence[LabelledImage], validation: Sequence[LabelledImage]) -> SetSizes:
    """Count the images and objects of both sets."""
    return SetSizes(len(training), _objects(training), len(validation), _objects(validation))


def held_out_count(files: int, fraction: float) -> int:
    """Return how many of some files validate: the rounded share, with at least `MIN_HELD_OUT` of twice as many."""
    least = MIN_HELD_OUT if files >= 2 * MIN_HELD_OUT else 1
    return min(max(int(files * fraction + 0.5), least), files - 1)


def stratified_split(
    images: Sequence[LabelledImage], fraction: float, seed: int
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Hold out an exact share of the image files, spread evenly over collections and numbers of objects.

    The files are sorted by collection and number of objects and cut into as many runs of equal length as files are held
    out; each run gives one, by the hash of its name and the seed. The order of the images does not matter.

    Args:
        images: the data set.
        fraction: share of the files to hold out, more than 0 and less than 1; see `held_out_count`.
        seed: seed of the choice.

    Returns:
        Training and validation images, both in the given order. Entries with the same file (after resolving links) are
        in the same part; with a single file the validation part is empty.
    """
    files: dict[str, list[LabelledImage]] = {}
    for image in images:
        files.setdefault(os.path.realpath(image.path), []).append(image)
    ranked = sorted(files, key=lambda file: _stratum(files[file], seed))
    count = held_out_count(len(ranked), fraction)
    cuts = [number * len(ranked) // count for number in range(count + 1)] if count > 0 else [0]
    runs = [ranked[start:end] for start, end in itertools.pairwise(cuts)]
    chosen = {min(run, key=lambda file: _draw(files[file], seed)) for run in runs}
    held_out = [image for image in images if os.path.realpath(image.path) in chosen]
    return [image for image in images if os.path.realpath(image.path) not in chosen], held_out


def _stratum(entries: Sequence[LabelledImage], seed: int) -> tuple[str, int, str]:
    collection = min(entry.collection or "" for entry in entries)
    return collection, _objects(entries), _draw(entries, seed)


def _draw(entries: Sequence[LabelledImage], seed: int) -> str:
    """A number that depends on the seed and the image's name alone, as hexadecimal digits."""
    name = min(entry.name for entry in entries)
    return hashlib.sha256(f"{seed}/{name}".encode(errors="surrogateescape")).hexdigest()


def _objects(images: Sequence[LabelledImage]) -> int:
    return sum(len(image.instances) for image in images)
