"""Training and validation images from what a user has: COCO files, YOLO-seg folders, with or without a split."""

from __future__ import annotations

from pathlib import Path

from samara.datasets.ground_truth import DataSet, LabelledImage, split_by_image
from samara.datasets.reading.findings import USUAL, Notice, ReadingRules
from samara.datasets.reading.opening import open_data_set
from samara.errors import DatasetError
from samara.images.settings import AS_THEY_ARE, ImageReading


def read_sets(
    train: Path,
    images: Path | None,
    validation: Path | None,
    validation_images: Path | None,
    fraction: float,
    seed: int,
    *,
    rules: ReadingRules = USUAL,
    notice: Notice | None = None,
    reading: ImageReading = AS_THEY_ARE,
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Read two data sets, or one that is divided by image.

    A YOLO-seg data set that says what is for training and validation, in its yaml or by its folders, is divided so;
    what is for testing is never used.

    Args:
        train: see `samara.datasets.reading.opening.open_data_set`.
        images: folder of the images; None for those of the data set, or beside the COCO file.
        validation: likewise; None to divide `train`.
        validation_images: None for `images`.
        fraction: of the images that are held back where nothing says which.
        seed: of that choice.
        rules: what becomes of crowds and of bad entries.
        notice: called with a sentence for each kind of thing that was left out or mended.
        reading: how the images are read.

    Returns:
        Training and validation images.

    Raises:
        DatasetError: a data set cannot be read, or has no part to train on or to validate with; a single image is
            to be divided.
    """
    given = open_data_set(train, images, rules, notice, reading)
    training = list(_training(given, train))
    if validation is not None:
        other = open_data_set(validation, validation_images or images, rules, notice, reading)
        return training, list(_validation(other, validation))
    if "val" in given.parts:
        return training, list(given.parts["val"])
    training, held_out = split_by_image(training, fraction, seed)
    if not held_out:
        raise DatasetError(f"{str(train)!r} has a single image to train with; give others with `validation`")
    return training, held_out


def _training(data: DataSet, path: Path) -> tuple[LabelledImage, ...]:
    """What is for training; all of a data set that is not divided."""
    if data.parts and "train" not in data.parts:
        raise DatasetError(
            f"{str(path)!r} has images for {' and '.join(data.parts)} and none for train; give others with `train`"
        )
    return data.parts.get("train", data.images)


def _validation(data: DataSet, path: Path) -> tuple[LabelledImage, ...]:
    """What is for validation; of a second data set also its only part, or all of it."""
    if len(data.parts) > 1 and "val" not in data.parts:
        raise DatasetError(
            f"{str(path)!r} has images for {' and '.join(data.parts)} and none for val; give others with `validation`"
        )
    only = next(iter(data.parts.values()), data.images)
    return data.parts.get("val", only)
