"""Taking the corrections of people back into a store."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from samara._version import __version__
from samara.annotation.review.corrected_rows import MaskCounts, corrected_rows
from samara.annotation.store.locks import claim
from samara.annotation.store.rows import ImageRow
from samara.annotation.store.shard_rows import ShardRows, add_correction
from samara.annotation.store.store import CORRECTIONS, AnnotationStore
from samara.datasets.reading.label_studio import is_label_studio, read_label_studio
from samara.datasets.reading.reviewed_coco import read_reviewed_coco
from samara.datasets.reviewed import IMAGE_ID, IMAGE_SHA256, Reviewed, ReviewedImage
from samara.errors import DatasetError, OutputError
from samara.system.files import make_folder, write_durably

if TYPE_CHECKING:
    import pyarrow as pa

_CLAIM = "corrections.lock"
_MADE_AT = "%Y%m%dT%H%M%S%f"


@dataclass(frozen=True)
class Taken:
    """What corrections changed.

    Attributes:
        corrected: number of images with a change.
        unchanged: number of images that are as they were.
        not_reviewed: number of tasks that nobody submitted; their images are unchanged.
        skipped: number of tasks that were skipped in the tool; their images are unchanged.
        masks: what happened to the masks of all images.
        refused: images whose corrections were not taken, and why; they are unchanged.
        remarks: what else was left out, one sentence each.
    """

    corrected: int = 0
    unchanged: int = 0
    not_reviewed: int = 0
    skipped: int = 0
    masks: MaskCounts = field(default_factory=MaskCounts)
    refused: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()


def take_corrections(store: AnnotationStore, files: Sequence[Path], *, writes: bool = True) -> Taken:
    """Take what people made of the masks of a store, from files of annotation tools.

    An image in a file replaces all masks of that image. The earlier rows stay in the store, see
    `AnnotationStore.history`. The same file again changes nothing, so a call that was interrupted is repeated.

    Args:
        store: the store.
        files: exports of Label Studio (JSON) or COCO files; of an image in several, the last counts.
        writes: False to find out what would change.

    Raises:
        DatasetError: a file cannot be read, or is of no such kind.
        OutputError: the store cannot be written, or another process is taking corrections.
    """
    read = [_read(path) for path in files]
    refused: list[tuple[str, str]] = []
    found = _in_store(store, [image for one in read for image in one.images], refused)
    corrected, unchanged, masks = 0, 0, MaskCounts()
    with claimed(store):
        for number in sorted({store.shard_of(image_id) for image_id in found}):
            rows = store.rows(number)
            changes, counts = _of_shard(rows, found)
            if changes and writes:
                add_correction(
                    store.corrections_folder(number), [row for row, _ in changes], [one for _, one in changes]
                )
            corrected, masks = corrected + len(changes), sum(counts, masks)
            unchanged += len(counts) - len(changes)
        taken = Taken(
            corrected,
            unchanged,
            sum(one.not_reviewed for one in read),
            sum(one.skipped for one in read),
            masks,
            tuple(refused),
            tuple(remark for one in read for remark in one.remarks),
        )
        if corrected and writes:
            _record(store, files, taken)
    return taken


def _read(path: Path) -> Reviewed:
    try:
        is_tasks = is_label_studio(path)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror or error}); check the path") from error
    return read_label_studio(path) if is_tasks else read_reviewed_coco(path)


@contextmanager
def claimed(store: AnnotationStore) -> Iterator[None]:
    """Hold the claim of a store's corrections.

    Raises:
        OutputError: another process holds it.
    """
    make_folder(store.folder / "claims")
    with claim(store.folder / "claims" / _CLAIM) as is_ours:
        if not is_ours:
            raise OutputError(f"another process is taking corrections into {store.folder}; wait for it and try again")
        yield


def _of_shard(
    rows: ShardRows, found: Mapping[int, ReviewedImage]
) -> tuple[list[tuple[ImageRow, pa.Table]], list[MaskCounts]]:
    """Return the changed images of a shard by id, and what happened to the masks of all of them."""
    changes, counts = [], []
    for row, table in rows.tables():
        if row.image_id in found:
            first = 1 + max(_numbers(rows, row.image_id), default=-1)
            new_row, new_table, count = corrected_rows(row, table, found[row.image_id].masks, first)
            counts.append(count)
            if count.changes:
                changes.append((new_row, new_table))
    return sorted(changes, key=lambda pair: pair[0].image_id), counts


def _numbers(rows: ShardRows, image_id: int) -> Iterator[int]:
    """Yield the numbers of all masks that an image ever had."""
    for _, table in rows.history(image_id):
        yield from table.column("mask_index").to_pylist()


def _in_store(
    store: AnnotationStore, images: Sequence[ReviewedImage], refused: list[tuple[str, str]]
) -> dict[int, ReviewedImage]:
    """Find the images of the store by id; note those that cannot be taken."""
    by_name: dict[str, list[ReviewedImage]] = {}
    for image in images:
        by_name.setdefault(_last_part(image.file_name), []).append(image)
    by_id = {image.facts[IMAGE_ID]: image for image in images if isinstance(image.facts.get(IMAGE_ID), int)}
    candidates: dict[int, list[ImageRow]] = {}  # by position in `images`
    places = {id(image): place for place, image in enumerate(images)}
    for row in store.images():
        named = by_name.get(_last_part(row.path), [])
        for image in {id(one): one for one in (*named, *filter(None, [by_id.get(row.image_id)]))}.values():
            if _is_of(image, row):
                candidates.setdefault(places[id(image)], []).append(row)
    found: dict[int, ReviewedImage] = {}
    for place, image in enumerate(images):
        rows = candidates.get(place, [])
        exact = [row for row in rows if row.path == image.file_name]
        reason = _refusal(image, exact or rows)
        if reason is None:
            found[(exact or rows)[0].image_id] = image
        else:
            refused.append((image.file_name, reason))
    return found


def _is_of(image: ReviewedImage, row: ImageRow) -> bool:
    """Return whether a reviewed image can be an image of the store: by its id, else by its name."""
    image_id = image.facts.get(IMAGE_ID)
    if isinstance(image_id, int):
        return image_id == row.image_id
    name, path = f"/{image.file_name}", f"/{row.path}"
    return name.endswith(path) or path.endswith(name)


def _refusal(image: ReviewedImage, rows: Sequence[ImageRow]) -> str | None:
    """Return why the corrections of an image are not taken; None if they are."""
    if not rows:
        return "the store has no such image"
    if len(rows) > 1:
        return f"the store has {len(rows)} images of that name, such as {rows[0].path!r} and {rows[1].path!r}"
    (row,) = rows
    if row.status != "done":
        return f"it is quarantined: {row.reason}"
    if image.facts.get(IMAGE_SHA256, row.sha256) != row.sha256:
        return "the task is of another image, or of another store"
    return _refusal_of_masks(image, row)


def _refusal_of_masks(image: ReviewedImage, row: ImageRow) -> str | None:
    if image.refused:
        more = f", and {len(image.refused) - 1} more" if len(image.refused) > 1 else ""
        return f"{image.refused[0]}{more}"
    if image.size_hw is not None and image.size_hw != row.size_hw:
        (height, width), (own_height, own_width) = image.size_hw, row.size_hw
        return f"its masks are of {height} x {width} pixels, the image has {own_height} x {own_width} (height x width)"
    return None


def _last_part(name: str) -> str:
    return name.rpartition("/")[2]


def _record(store: AnnotationStore, files: Iterable[Path], taken: Taken) -> None:
    """Note where corrections came from."""
    facts = {
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        "samara": __version__,
        **asdict(taken),
    }
    name = f"taken-{datetime.now(UTC).strftime(_MADE_AT)}-{os.getpid()}.json"
    write_durably(store.folder / CORRECTIONS / name, json.dumps(facts).encode())
