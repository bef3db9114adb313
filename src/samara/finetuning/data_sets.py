"""Training and validation images from COCO files or YOLO-seg folders, with or without a split."""

from __future__ import annotations

from pathlib import Path

from samara.datasets.ground_truth import DataSet, LabelledImage
from samara.datasets.reading.findings import USUAL, Notice, ReadingRules
from samara.datasets.reading.opening import open_data_set
from samara.errors import DatasetError
from samara.finetuning.split import stratified_split
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
    """Read two data sets, or split one by image.

    A YOLO-seg data set's own split into training and validation, by its yaml or folders, is used; its test part never
    is.

    Args:
        train: see `samara.datasets.reading.opening.open_data_set`.
        images: folder of the images; None for those of the data set, or the folder of the COCO file.
        validation: validation data set, like `train`; None to split `train`.
        validation_images: folder of the validation images; None for `images`.
        fraction: validation fraction of a data set without its own split.
        seed: seed of that split.
        rules: treatment of crowds and of bad entries.
        notice: called with one sentence per kind of entry that was left out or repaired.
        reading: how the images are read.

    Returns:
        Training and validation images.

    Raises:
        DatasetError: a data set cannot be read, or has no training or validation part, or has only one image to split.
    """
    given = open_data_set(train, images, rules, notice, reading)
    training = list(_training(given, train))
    if validation is not None:
        other = open_data_set(validation, validation_images or images, rules, notice, reading)
        return training, list(_validation(other, validation))
    if "val" in given.parts:
        return training, list(given.parts["val"])
    training, held_out = stratified_split(training, fraction, seed)
    if not held_out:
        raise DatasetError(f"{str(train)!r} has only one image; pass validation images with `validation`")
    return training, held_out


def _training(data: DataSet, path: Path) -> tuple[LabelledImage, ...]:
    """Return the training part; all images of an undivided data set."""
    if data.parts and "train" not in data.parts:
        raise DatasetError(
            f"{str(path)!r} has images for {' and '.join(data.parts)} but none for train; pass a data set with some "
            "as `train`"
        )
    return data.parts.get("train", data.images)


def _validation(data: DataSet, path: Path) -> tuple[LabelledImage, ...]:
    """Return the validation part; for a second data set also its only part, or all images."""
    if len(data.parts) > 1 and "val" not in data.parts:
        raise DatasetError(
            f"{str(path)!r} has images for {' and '.join(data.parts)} but none for val; pass a data set with some as "
            "`validation`"
        )
    only = next(iter(data.parts.values()), data.images)
    return data.parts.get("val", only)
