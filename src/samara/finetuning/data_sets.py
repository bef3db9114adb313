"""Training and validation pictures from what a user has: COCO files, YOLO-seg folders, with or without a split."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from samara.datasets.coco_reading import read_coco
from samara.datasets.ground_truth import LabelledImage, split_by_image
from samara.datasets.yolo import read_yolo
from samara.errors import DatasetError, SettingsError

WHOLE, TRAINING, VALIDATION, TEST = "whole", "training", "validation", "test"
FOLDERS = {"train": TRAINING, "val": VALIDATION, "valid": VALIDATION, "test": TEST}


def read_sets(
    train: Path,
    images: Path | None,
    validation: Path | None,
    validation_images: Path | None,
    fraction: float,
    seed: int,
) -> tuple[list[LabelledImage], list[LabelledImage]]:
    """Read two data sets, or one that is divided by picture.

    A YOLO-seg data set with folders for training and validation is divided as they say; what lies in `test` is never
    used.

    Args:
        train: COCO file; or the folder of a YOLO-seg data set, or its data.yaml.
        images: folder of the pictures of COCO files.
        validation: likewise; None to divide `train`.
        validation_images: None for `images`.
        fraction: of the pictures that are held back where nothing says which.
        seed: of that choice.

    Returns:
        Training and validation pictures.

    Raises:
        SettingsError: a COCO file without a folder of pictures.
        DatasetError: a data set cannot be read, or a single picture is to be divided.
    """
    given = read_set(train, images)
    training = given.get(TRAINING, given[WHOLE])
    if validation is not None:
        other = read_set(validation, validation_images or images)
        return training, other.get(VALIDATION, other[WHOLE])
    if VALIDATION in given:
        return training, given[VALIDATION]
    training, held_out = split_by_image(training, fraction, seed)
    if not held_out:
        raise DatasetError(f"{str(train)!r} has a single picture to train with; give others with --validation")
    return training, held_out


def read_set(path: Path, images: Path | None) -> dict[str, list[LabelledImage]]:
    """Read a data set: all of it under `WHOLE`, and its parts if its folders tell them apart."""
    if path.is_dir():
        return parts(read_yolo(path))
    if path.suffix in (".yaml", ".yml"):
        return parts(read_yolo(path.parent))
    if images is None:
        raise SettingsError(f"{path} is a COCO file; say with --images where its pictures are")
    return {WHOLE: read_coco(path, images)}


def parts(images: list[LabelledImage]) -> dict[str, list[LabelledImage]]:
    """The parts of a YOLO-seg data set by its folders; only `WHOLE` if none is for training."""
    found: dict[str, list[LabelledImage]] = {}
    for image in images:
        folders = PurePosixPath(image.name).parts[:2]  # "images/train/a.jpg" or "train/images/a.jpg"
        for folder in FOLDERS.keys() & set(folders):
            found.setdefault(FOLDERS[folder], []).append(image)
    return {WHOLE: images, **(found if TRAINING in found else {})}
