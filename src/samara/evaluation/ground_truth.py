"""What is evaluated on: pictures by source, their objects, and which of them are prompted."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from samara.datasets.coco_reading import read_coco
from samara.datasets.ground_truth import LabelledImage
from samara.errors import DatasetError
from samara.evaluation.draws import generator_of, generator_of_object
from samara.evaluation.settings import EvaluationSettings
from samara.images import picture_size
from samara.masks.rle import Rle

ONLY_SOURCE = "all"
"""Source of pictures whose file does not say where they are from."""


@dataclass(frozen=True)
class GroundTruth:
    """Where ground truth lies.

    Attributes:
        annotations: COCO instances file; an image's `source` names the data set that it is from.
        images: folder of the pictures.
        domain: kind of pictures, e.g. "medical", for records and reports.
    """

    annotations: Path
    images: Path
    domain: str = "all"

    @cached_property
    def digest(self) -> str:
        """Hash of the annotations, 64 hexadecimal digits.

        Raises:
            DatasetError: the file cannot be read.
        """
        try:
            return hashlib.sha256(Path(self.annotations).read_bytes()).hexdigest()
        except OSError as error:
            raise DatasetError(f"{self.annotations} cannot be read ({error.strerror or error}); check the path.") from (
                error
            )


@dataclass(frozen=True)
class Picture:
    """One picture and what is asked about it.

    Attributes:
        image: the picture file and its size.
        source: the data set that it is from.
        objects: ground truth of the picture: everything in it that is neither empty nor a crowd.
        prompted: positions in `objects` that are prompted one by one.
        everything: whether everything in it is looked for.
    """

    image: LabelledImage
    source: str
    objects: tuple[Rle, ...]
    prompted: tuple[int, ...]
    everything: bool

    @property
    def name(self) -> str:
        """Name of the picture, unique within the data set."""
        return self.image.name


def read_ground_truth(where: GroundTruth, settings: EvaluationSettings) -> list[Picture]:
    """Read ground truth and choose what is asked.

    Crowds (COCO's `iscrowd`) are no objects: they are not prompted, and nothing has to find them; a mask that finds
    one costs nothing either, as in COCO's own average recall. Masks without a pixel are left out, too, and so are
    pictures in which no object remains.

    Returns:
        The chosen pictures in the order of the file.

    Raises:
        DatasetError: the file is damaged; a picture is missing, or has another size than its masks; there is nothing
            to evaluate on.
        ImageError: a picture cannot be read.
    """
    pictures = choose(read_coco(where.annotations, where.images), settings)
    if not pictures:
        raise DatasetError(f"{where.annotations} has no object to evaluate on: only crowds, empty masks or no masks")
    # Now, and not after hours: opening a picture's header takes no time.
    for picture in pictures:
        picture.image.check_size(picture_size(picture.image.path))
    return pictures


def choose(images: Iterable[LabelledImage], settings: EvaluationSettings) -> list[Picture]:
    """Choose pictures and objects; see `EvaluationSettings`."""
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
        Picture(
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
    """Pictures of one source; the first few of a shuffled order, so that a smaller choice is part of a larger one."""
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
