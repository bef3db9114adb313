"""Ground truth of an evaluation: images by source, their objects, and those to prompt."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias

from samara.datasets.ground_truth import PARTS, DataSet, LabelledImage, Part
from samara.datasets.reading.findings import CROWDS_HINT, USUAL, Findings, Notice, ReadingRules
from samara.datasets.reading.opening import digest_of, open_data_set
from samara.errors import DatasetError
from samara.masks.rle import Rle
from samara.measurement.evaluation.seeding import generator_of, generator_of_object
from samara.measurement.evaluation.settings import DOMAIN, EvaluationSettings

ONLY_SOURCE = "all"
"""Source of images whose file names none."""

Chosen: TypeAlias = Part | Literal["all"]
"""Part of a data set, or all of it."""

CHOICES: tuple[Chosen, ...] = (*PARTS, "all")

CROWDS = f"annotations were left out as {CROWDS_HINT}"
EMPTY_MASKS = "masks cover no pixel; they were left out"
NOTHING_IN_THEM = "images have no object; they were left out"


@dataclass(frozen=True)
class GroundTruth:
    """Location of ground truth.

    Attributes:
        annotations: see `samara.datasets.reading.opening.open_data_set`; in COCO files, `source` of an image names its
            data set.
        images: folder of the images; None for those of the data set, or next to the COCO file.
        domain: kind of images, e.g. "medical", for records and reports.
        rules: treatment of crowds and bad entries.
        part: part of a divided data set; None for its validation part, or its only one.
    """

    annotations: Path
    images: Path | None = None
    domain: str = DOMAIN
    rules: ReadingRules = USUAL
    part: Chosen | None = None

    def __post_init__(self) -> None:
        # Strings are accepted as paths for convenience.
        object.__setattr__(self, "annotations", Path(self.annotations))
        object.__setattr__(self, "images", None if self.images is None else Path(self.images))

    @cached_property
    def digest(self) -> str:
        """Hash of the annotations and the reading rules, 64 hexadecimal digits.

        Raises:
            DatasetError: The annotations cannot be read.
        """
        content = digest_of(Path(self.annotations), self.images)
        reading = self.rules.facts() | ({} if self.part is None else {"part": self.part})
        # With the default rules, the file's own hash is used.
        return hashlib.sha256(json.dumps([content, reading]).encode()).hexdigest() if reading else content

    def as_json(self) -> dict[str, Any]:  # Any: JSON values
        """Return JSON values for another process; `from_json` reads them."""
        return asdict(self) | {
            "annotations": str(self.annotations),
            "images": None if self.images is None else str(self.images),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> GroundTruth:  # Any: JSON values
        """Restore the result of `as_json`."""
        images = document["images"]
        return cls(
            Path(document["annotations"]),
            None if images is None else Path(images),
            document["domain"],
            ReadingRules(**document["rules"]),
            document["part"],
        )


AnyGroundTruth: TypeAlias = "GroundTruth | str | os.PathLike[str] | Sequence[GroundTruth]"
"""One or several ground truths, or a path."""


def ground_truths(given: AnyGroundTruth, images: str | os.PathLike[str] | None) -> tuple[GroundTruth, ...]:
    """Return ground truths from any accepted form.

    Args:
        given: ground truths or a path, whose images are in `images`.
        images: folder of the images; None for those of the data set, or next to the COCO file.
    """
    if isinstance(given, GroundTruth):
        return (given,)
    if isinstance(given, (str, os.PathLike)):
        return (GroundTruth(Path(given), None if images is None else Path(images)),)
    return tuple(given)


@dataclass(frozen=True)
class EvaluatedImage:
    """One image and its prompts.

    Attributes:
        image: the image file and its size.
        source: data set of the image.
        objects: ground-truth masks that are neither empty nor crowds.
        prompted: indices in `objects` to prompt individually.
        everything: whether "everything" is measured on it.
    """

    image: LabelledImage
    source: str
    objects: tuple[Rle, ...]
    prompted: tuple[int, ...]
    everything: bool

    @property
    def name(self) -> str:
        """Name of the image, unique within the data set."""
        return self.image.name


def read_ground_truth(
    where: GroundTruth, settings: EvaluationSettings, notice: Notice | None = None
) -> list[EvaluatedImage]:
    """Read ground truth and choose images and objects.

    Crowds (COCO's `iscrowd`) are not objects unless the rules say so: they are neither prompted nor counted in recall,
    and a mask that matches one is not penalised, as in COCO's own average recall. Empty masks are skipped too, and so
    are images without a remaining object.

    Args:
        where: the ground truth.
        settings: settings of the evaluation.
        notice: called with a sentence for each kind of fix or omission.

    Returns:
        The chosen images in the order of the file.

    Raises:
        DatasetError: The file is damaged, an image is missing or differs in size from its masks, or there is nothing to
            evaluate on.
        ImageError: An image cannot be read.
    """
    found = open_data_set(where.annotations, where.images, where.rules, notice, settings.reading)
    images = _of_part(found, where, notice)
    findings = Findings(repr(str(where.annotations)), where.rules)
    findings.note(CROWDS, sum(one.is_crowd for image in images for one in image.instances))
    drawn = [one for image in images for one in image.instances if not one.is_crowd]
    findings.note(EMPTY_MASKS, sum(not one.rle.area for one in drawn))
    findings.note(NOTHING_IN_THEM, sum(not _objects(image) for image in images))
    chosen = choose_evaluated(images, settings)
    if not chosen:
        why = "; ".join(findings.sentences()) or "it lists no images"
        raise DatasetError(f"{where.annotations} has no object to evaluate on: {why}")
    findings.settle(notice)
    # Checked up front, not after hours: reading an image header is cheap.
    for one_chosen in chosen:
        one_chosen.image.check_size(settings.reading.size_hw(one_chosen.image.path))
    return chosen


def _of_part(data: DataSet, where: GroundTruth, notice: Notice | None) -> Sequence[LabelledImage]:
    """Return the images of the requested part; by default, the validation part of a divided data set.

    Raises:
        DatasetError: The data set has no such part, or several without a validation part.
    """
    have = ", ".join(data.parts) or "none: it is not divided"
    wanted = where.part
    if wanted == "all" or (wanted is None and not data.parts):
        return data.images
    if wanted is None and "val" not in data.parts and len(data.parts) > 1:
        raise DatasetError(
            f"{where.annotations} has the parts {have}, and none is val; choose one with `GroundTruth(part=...)`"
        )
    usual: Part = "val" if "val" in data.parts else next(iter(data.parts), "val")
    part = usual if wanted is None else wanted
    if part not in data.parts:
        raise DatasetError(f"{where.annotations} has no part {part}; its parts are {have}")
    if notice is not None:
        notice(f"{where.annotations}: {len(data.parts[part]):,} of {len(data.images):,} images are its part {part}")
    return data.parts[part]


def choose_evaluated(images: Iterable[LabelledImage], settings: EvaluationSettings) -> list[EvaluatedImage]:
    """Choose images and objects; see `EvaluationSettings`."""
    by_source: dict[str, list[LabelledImage]] = defaultdict(list)
    images = list(images)
    for image in images:
        if _objects(image):
            by_source[image.collection or ONLY_SOURCE].append(image)
    chosen, searched = (
        {image.name for of_source in by_source.values() for image in _some(of_source, most, settings.seed)}
        for most in (settings.images, _fewest(settings.images, settings.everything_images))
    )
    return [
        EvaluatedImage(
            image,
            image.collection or ONLY_SOURCE,
            objects := _objects(image),
            _some_objects(image.name, objects, settings),
            image.name in searched and "everything" in settings.measures,
        )
        for image in images
        if image.name in chosen
    ]


def _objects(image: LabelledImage) -> tuple[Rle, ...]:
    return tuple(one.rle for one in image.instances if one.rle.area and not one.is_crowd)


def _some(images: Sequence[LabelledImage], most: int | None, seed: int) -> Sequence[LabelledImage]:
    """Choose images of one source from a shuffled order, so that a smaller choice is a subset of a larger one."""
    if most is None or len(images) <= most:
        return images
    return sorted(images, key=lambda image: generator_of(seed, image.name, "picture").random())[:most]


def _some_objects(name: str, objects: Sequence[Rle], settings: EvaluationSettings) -> tuple[int, ...]:
    places = range(len(objects))
    if settings.objects is None or len(objects) <= settings.objects:
        return tuple(places)

    def draw(place: int) -> float:
        return generator_of_object(settings.seed, name, objects[place], "choice").random()

    return tuple(sorted(sorted(places, key=draw)[: settings.objects]))


def _fewest(*counts: int | None) -> int | None:
    return min((count for count in counts if count is not None), default=None)
