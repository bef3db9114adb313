"""An exact, stratified split of a data set into training and validation images."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Sequence

from samara.datasets.ground_truth import LabelledImage, place_of_name
from samara.errors import SettingsError

MIN_HELD_OUT = 3
"""Images that validate at least, unless fewer than these would remain for training: a mean over fewer says little."""


def held_out_count(files: int, fraction: float) -> int:
    """Return how many of some files validate: the rounded share, but at least `MIN_HELD_OUT` or half of them."""
    if files < 2:
        return 0
    least = min(MIN_HELD_OUT, files // 2)
    return min(max(int(files * fraction + 0.5), least), files - 1)


def stratified_split(
    images: Iterable[LabelledImage], fraction: float, seed: int
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Hold out an exact share of the image files, spread evenly over collections and numbers of objects.

    The files are sorted by collection and number of objects and cut into as many runs of equal length as files are held
    out. Each run gives one file, by the digest of its name and the seed, so the split is the same on every machine.
    Images that are added later can move others from one part to the other.

    Args:
        images: the data set; its order does not matter.
        fraction: share of the files to hold out, more than 0 and less than 1; see `held_out_count`.
        seed: seed of the choice.

    Returns:
        Training and validation images, both in the given order. Entries with the same file (after resolving links) are
        in the same part; with a single file the validation part is empty.

    Raises:
        SettingsError: the fraction or the seed is invalid.
    """
    _check(fraction, seed)
    entries = [(os.path.realpath(image.path), image) for image in images]
    files: dict[str, list[LabelledImage]] = {}
    for file, image in entries:
        files.setdefault(file, []).append(image)
    ranked = sorted(files, key=lambda file: _stratum(files[file]))
    count = held_out_count(len(ranked), fraction)
    cuts = [number * len(ranked) // count for number in range(count + 1)] if count else []
    runs = (ranked[start:end] for start, end in itertools.pairwise(cuts))
    chosen = {min(run, key=lambda file: _place(files[file], seed)) for run in runs}
    return (
        [image for file, image in entries if file not in chosen],
        [image for file, image in entries if file in chosen],
    )


def _check(fraction: float, seed: int) -> None:
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)):
        raise SettingsError(f"validation_fraction={fraction!r} is not accepted; give a number such as 0.1.")
    if not 0 < fraction < 1:
        raise SettingsError(f"validation_fraction={fraction!r} is not accepted; give more than 0 and less than 1.")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise SettingsError(f"seed={seed!r} is not accepted; give a whole number.")


def _stratum(entries: Sequence[LabelledImage]) -> tuple[str, int, str]:
    collection = min(entry.collection or "" for entry in entries)
    return collection, sum(entry.objects for entry in entries), _name(entries)


def _place(entries: Sequence[LabelledImage], seed: int) -> tuple[float, str]:
    name = _name(entries)
    return place_of_name(name, seed), name  # the name breaks ties


def _name(entries: Sequence[LabelledImage]) -> str:
    return min(entry.name for entry in entries)
