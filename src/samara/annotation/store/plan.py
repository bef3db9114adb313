"""The plan: the list of all images of a store, written once, in shards of equal length.

Every process streams the same file, so ten million images need neither a list in memory nor an index; a line is parsed
only when its shard is annotated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from samara.errors import DatasetError, SettingsError
from samara.segmentation.prompts import Prompt
from samara.system.files import durable_file

# A process claims one shard at a time. Many shards keep all processes busy to the end; long ones mean few files.
MAX_IMAGES_PER_SHARD = 512
MIN_SHARDS = 32
MIN_IMAGES_PER_SHARD = 8
# A large image has tens of thousands of masks, and a reopened shard is merged in memory.
TILED_IMAGES_PER_SHARD = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """One prompt of the plan, in pixels of the upright image.

    Attributes:
        points: (P, 2) as (x, y); empty without points.
        labels: (P,), 1 foreground, 0 background.
        box: x0, y0, x1, y1, or None.
        category: class name of the object, kept with the masks; None if unknown.
    """

    points: tuple[tuple[float, float], ...] = ()
    labels: tuple[int, ...] = ()
    box: tuple[float, float, float, float] | None = None
    category: str | None = None

    @property
    def kind(self) -> str:
        """The kind of prompt as text: points, box, or both."""
        return " and ".join(name for name, given in (("points", self.points), ("box", self.box)) if given)

    def prompt(self, shift_xy: tuple[int, int] = (0, 0)) -> Prompt:
        """Convert to a `Prompt`, shifted by some pixels.

        Raises:
            PromptError: the prompt is invalid.
        """
        dx, dy = shift_xy
        box = None
        if self.box is not None:
            x0, y0, x1, y1 = self.box
            box = [x0 + dx, y0 + dy, x1 + dx, y1 + dy]
        points = [(x + dx, y + dy) for x, y in self.points]
        return Prompt(points or None, self.labels or None, box)


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """One image to annotate.

    Attributes:
        image_id: line in the plan, counted from 1.
        name: path as given, relative to the root of the source.
        at: offset and size in bytes inside an archive; None for a separate file.
        asked: its prompts; empty to segment everything.
    """

    image_id: int
    name: str
    at: tuple[int, int] | None = None
    asked: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class Shard:
    """Consecutive lines of the plan."""

    number: int
    lines: tuple[bytes, ...]
    first_id: int

    @property
    def last_id(self) -> int:
        """Id of the last line."""
        return self.first_id + len(self.lines) - 1

    def entries(self) -> list[PlannedImage]:
        """Parse the lines."""
        return [_parse(line, self.first_id + index) for index, line in enumerate(self.lines)]


@dataclass(frozen=True)
class PlanFacts:
    """The manifest's description of a plan.

    Attributes:
        images: number of images.
        images_per_shard: lines of each shard; the last has the rest.
        sha256: SHA-256 of the plan file.
    """

    images: int
    images_per_shard: int
    sha256: str

    @property
    def shards(self) -> int:
        """Number of shards."""
        return -(-self.images // self.images_per_shard)


def write_plan(
    path: Path, entries: Iterable[PlannedImage], images_per_shard: int | None, *, is_tiled: bool
) -> PlanFacts:
    """Write the plan, line by line.

    Args:
        path: path of the plan.
        entries: images in a fixed order; their ids are reassigned, from 1.
        images_per_shard: lines per shard; None to choose by the number of images.
        is_tiled: whether large images are tiled.

    Raises:
        SettingsError: there is no image.
        OutputError: the file cannot be written.
    """
    digest, count = hashlib.sha256(), 0
    with durable_file(path) as partial, partial.open("wb") as file:
        for entry in entries:
            line = _line(entry)
            digest.update(line)
            file.write(line)
            count += 1
        if not count:
            raise no_image()
    return PlanFacts(count, images_per_shard or _suitable(count, is_tiled=is_tiled), digest.hexdigest())


def no_image() -> SettingsError:
    """Return the error for a source without an image."""
    return SettingsError("there is no image to annotate; give a folder, list or pattern with at least one image")


def read_shards(path: Path, images_per_shard: int) -> Iterator[Shard]:
    """Stream the plan, one shard at a time.

    Raises:
        DatasetError: the plan is missing.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror or error}); the store is damaged") from error
    with file:
        number = 0
        while lines := tuple(islice(file, images_per_shard)):
            yield Shard(number, lines, number * images_per_shard + 1)
            number += 1


def shard_offsets(path: Path, images_per_shard: int) -> Iterator[tuple[int, int]]:
    """Yield the number and byte offset of each shard, for reading single shards of a long plan."""
    offset = 0
    for shard in read_shards(path, images_per_shard):
        yield shard.number, offset
        offset += sum(map(len, shard.lines))


def read_shard(path: Path, images_per_shard: int, number: int, offset: int) -> Shard:
    """Read one shard at a known byte offset."""
    with path.open("rb") as file:
        file.seek(offset)
        return Shard(number, tuple(islice(file, images_per_shard)), number * images_per_shard + 1)


def _suitable(count: int, *, is_tiled: bool) -> int:
    if is_tiled:
        return min(TILED_IMAGES_PER_SHARD, max(1, count // MIN_SHARDS))
    return min(MAX_IMAGES_PER_SHARD, max(MIN_IMAGES_PER_SHARD, count // MIN_SHARDS))


def _line(entry: PlannedImage) -> bytes:
    facts: dict[str, Any] = {"name": entry.name}
    if entry.at is not None:
        facts["at"] = entry.at
    if entry.asked:
        facts["asked"] = [
            {
                name: value
                for name, value in (
                    ("points", one.points),
                    ("labels", one.labels),
                    ("box", one.box),
                    ("category", one.category),
                )
                if value
            }
            for one in entry.asked
        ]
    # ASCII with escapes, so that names that are not valid text survive.
    return json.dumps(facts, separators=(",", ":")).encode("ascii") + b"\n"


def _parse(line: bytes, image_id: int) -> PlannedImage:
    try:
        facts = json.loads(line)
        at = tuple(facts["at"]) if "at" in facts else None
        return PlannedImage(image_id, facts["name"], at, tuple(_asked(one) for one in facts.get("asked", ())))
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"line {image_id} of the store's plan is damaged ({error!r:.80})") from error


def _asked(facts: dict[str, Any]) -> Asked:
    box = facts.get("box")
    return Asked(
        points=tuple((x, y) for x, y in facts.get("points", ())),
        labels=tuple(facts.get("labels", ())),
        box=None if box is None else (box[0], box[1], box[2], box[3]),
        category=facts.get("category"),
    )
