"""The plan: the list of all images of a store, written once, in shards of equal length.

Every process walks through the same file, so that ten million images need no list in memory and no index; a line is
parsed only when its shard is to be annotated.
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

# A shard is what one process claims. Many shards keep all processes busy to the end; long ones make few files.
MAX_IMAGES_PER_SHARD = 512
MIN_SHARDS = 32
MIN_IMAGES_PER_SHARD = 8
# A huge image has tens of thousands of masks, and a shard is put together in memory when it was reopened.
TILED_IMAGES_PER_SHARD = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """One prompt of the plan, in pixels of the upright image.

    Attributes:
        points: (P, 2) as (x, y); empty without points.
        labels: P of them, 1 foreground, 0 background.
        box: x0, y0, x1, y1, or None.
        category: name of what is asked for, kept with the masks; None if unknown.
    """

    points: tuple[tuple[float, float], ...] = ()
    labels: tuple[int, ...] = ()
    box: tuple[float, float, float, float] | None = None
    category: str | None = None

    @property
    def kind(self) -> str:
        """What is given: points, box, or both, as a text."""
        return " and ".join(name for name, given in (("points", self.points), ("box", self.box)) if given)

    def prompt(self, shift_xy: tuple[int, int] = (0, 0)) -> Prompt:
        """As a prompt, moved by so many pixels.

        Raises:
            PromptError: it makes no sense.
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
        image_id: its line in the plan, from 1.
        name: path as given, relative to the root of the source.
        at: offset and size in bytes inside the source, for an archive; None for a file of its own.
        asked: its prompts; none means everything in the image.
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

    def entries(self) -> list[PlannedImage]:
        """Parse the lines."""
        return [_parse(line, self.first_id + index) for index, line in enumerate(self.lines)]


@dataclass(frozen=True)
class PlanFacts:
    """What the manifest says about a plan.

    Attributes:
        images: their number.
        images_per_shard: lines of each shard; the last has what is left.
        sha256: of the file.
    """

    images: int
    images_per_shard: int
    sha256: str

    @property
    def shards(self) -> int:
        """Their number."""
        return -(-self.images // self.images_per_shard)


def write_plan(
    path: Path, entries: Iterable[PlannedImage], images_per_shard: int | None, *, is_tiled: bool
) -> PlanFacts:
    """Write the list of images, line by line.

    Args:
        path: of the plan.
        entries: in a fixed order; their ids are given anew, from 1.
        images_per_shard: None for what suits their number.
        is_tiled: whether the images are huge.

    Raises:
        SettingsError: there is no image.
        OutputError: the disk does not take it.
    """
    digest, count = hashlib.sha256(), 0
    with durable_file(path) as partial, partial.open("wb") as file:
        for entry in entries:
            line = _line(entry)
            digest.update(line)
            file.write(line)
            count += 1
        if not count:
            raise SettingsError("there is no image to annotate; give a folder, list or pattern with at least one")
    return PlanFacts(count, images_per_shard or _suitable(count, is_tiled=is_tiled), digest.hexdigest())


def read_shards(path: Path, images_per_shard: int) -> Iterator[Shard]:
    """Walk through the plan, one shard at a time.

    Raises:
        DatasetError: the plan is not there.
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
    """Number of each shard, and the byte at which it begins: for whoever reads single shards of a long plan."""
    offset = 0
    for shard in read_shards(path, images_per_shard):
        yield shard.number, offset
        offset += sum(map(len, shard.lines))


def read_shard(path: Path, images_per_shard: int, number: int, offset: int) -> Shard:
    """Read one shard that begins at a known byte."""
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
    # ASCII with escapes: names that are no valid text survive, too.
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
