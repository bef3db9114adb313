"""Training, validation and test images from COCO files or YOLO-seg folders, with or without a split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from samara.datasets.ground_truth import DataSet, LabelledImage
from samara.datasets.reading.findings import USUAL, Notice, ReadingRules
from samara.datasets.reading.opening import open_data_set
from samara.errors import DatasetError
from samara.finetuning.split import stratified_split
from samara.images.settings import AS_THEY_ARE, ImageReading


@dataclass(frozen=True)
class SetSize:
    """Size of a set, before anything is left out of training.

    Attributes:
        images: number of images.
        objects: number of annotated objects with an area, without crowds.
    """

    images: int
    objects: int


@dataclass(frozen=True)
class Sets:
    """The images of a run.

    Attributes:
        training: images to learn from.
        validation: images that choose the epoch.
        test: images that only measure the result; may be empty.
        chosen: how the validation images were chosen.
    """

    training: Sequence[LabelledImage]
    validation: Sequence[LabelledImage]
    test: Sequence[LabelledImage] = ()
    chosen: str = "given"

    @property
    def sizes(self) -> dict[str, SetSize]:
        """Sizes by name: "training", "validation" and, if there is one, "test"."""
        sets = {"training": self.training, "validation": self.validation} | ({"test": self.test} if self.test else {})
        return {name: SetSize(len(images), sum(one.objects for one in images)) for name, images in sets.items()}

    def sentences(self) -> Iterator[str]:
        """Describe the sets, one sentence each."""
        yield f"training: {described(self.training)}"
        yield f"validation, {self.chosen}: {described(self.validation)}"
        if self.test:
            yield f"test: {described(self.test)}"


def described(images: Sequence[LabelledImage]) -> str:
    """Describe a set: images, objects, objects per image, collections if there are several."""
    objects = [image.objects for image in images]
    few, many = min(objects, default=0), max(objects, default=0)
    each = f"{few}" if few == many else f"{few} to {many}"
    collections = Counter(image.collection for image in images if image.collection)
    of = ", ".join(f"{name} {count}" for name, count in sorted(collections.items()))
    return f"{_count(len(images), 'image')}, {_count(sum(objects), 'object')} ({each} in each)" + (
        f"; images by source: {of}" if len(collections) > 1 else ""
    )


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}{'' if number == 1 else 's'}"


@dataclass(frozen=True, kw_only=True)
class SetPaths:
    """Where the sets are.

    Attributes:
        train: see `samara.datasets.reading.opening.open_data_set`.
        images: folder of the images; None for those of the data set, or the folder of the COCO file.
        validation: validation data set, like `train`; None to split `train`.
        validation_images: folder of the validation images; None for `images`.
        test: test data set, like `train`; None for none.
        test_images: folder of the test images; None for `images`.
    """

    train: Path
    images: Path | None = None
    validation: Path | None = None
    validation_images: Path | None = None
    test: Path | None = None
    test_images: Path | None = None


def read_sets(
    paths: SetPaths,
    fraction: float,
    seed: int,
    *,
    rules: ReadingRules = USUAL,
    notice: Notice | None = None,
    reading: ImageReading = AS_THEY_ARE,
) -> Sets:
    """Read the data sets, or split one by image.

    A YOLO-seg data set's own split into training and validation, by its yaml or folders, is used; its test part only
    if it is given as the test set.

    Args:
        paths: the data sets.
        fraction: validation fraction of a data set without its own split.
        seed: seed of that split.
        rules: treatment of crowds and of bad entries.
        notice: called with one sentence per kind of entry that was left out or repaired.
        reading: how the images are read.

    Raises:
        DatasetError: a data set cannot be read, or lacks a part, or has only one image to split.
    """

    def opened(path: Path, images: Path | None) -> DataSet:
        return open_data_set(path, images or paths.images, rules, notice, reading)

    given = opened(paths.train, paths.images)
    test = () if paths.test is None else _test(opened(paths.test, paths.test_images), paths.test)
    training = list(_training(given, paths.train))
    if paths.validation is not None:
        other = opened(paths.validation, paths.validation_images)
        return Sets(training, list(_validation(other, paths.validation)), test)
    if "val" in given.parts:
        return Sets(training, list(given.parts["val"]), test, "the data set's own")
    training, held_out = stratified_split(training, fraction, seed)
    if not held_out:
        raise DatasetError(f"{str(paths.train)!r} has only one image; pass validation images with `validation`")
    total = len(training) + len(held_out)
    return Sets(training, held_out, test, f"{len(held_out)} of {total} images held out, stratified by objects")


def _test(data: DataSet, path: Path) -> tuple[LabelledImage, ...]:
    """Return the test part; of a data set with one part or none, all images."""
    if len(data.parts) > 1 and "test" not in data.parts:
        raise DatasetError(
            f"{str(path)!r} has images for {' and '.join(data.parts)} but none for test; pass a data set with some as "
            "`test`"
        )
    return data.parts.get("test", next(iter(data.parts.values()), data.images))


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
