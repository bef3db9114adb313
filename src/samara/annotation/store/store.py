"""The annotation store: a folder of sharded Parquet tables with their plan and manifest.

    manifest.json                       what made the rows
    plan.jsonl                          the list of images
    shards/00000000.images.parquet      one row per image of the shard
    shards/00000000.masks.parquet       one row per mask
    journal/00000001/                   pieces of a shard that is not complete
    claims/                             locks of the processes at work
    runs/                               when and on what machine they worked
    quarantined.csv                     images without rows of masks, and why; like the next two made at the end
    report.html                         the page about it, if it was asked for
    exports/                            other formats, if they were asked for

The tables can be read with anything that reads Parquet: `pyarrow.dataset.dataset(glob("DIR/shards/*.masks.parquet"))`.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from samara.annotation.store.locks import claim, forget, someone_holds
from samara.annotation.store.manifest import Manifest, images_moved, new_manifest, read_manifest, require_same_job
from samara.annotation.store.plan import PlannedImage, Shard, read_shards, write_plan
from samara.annotation.store.rows import AnnotatedRow, ImageRow, annotated_row, arrow, mask_schema
from samara.annotation.store.shard_files import ShardFiles, ShardTables, row_groups
from samara.errors import OutputError
from samara.system.files import made_folder, make_folder, require_folder

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST, PLAN, NEW_PLAN = "manifest.json", "plan.jsonl", "plan.jsonl.new"
CREATION = "creation.lock"
FOLDERS = ("shards", "journal", "claims", "runs")
QUARANTINED, REPORT, EXPORTS = "quarantined.csv", "report.html", "exports"
# How often to look whether another process is done with making the store.
LOOK_AGAIN_S = 0.2
# Of a process that died while it made the store.
_LEFTOVERS = (f".{MANIFEST}.", f".{PLAN}.", NEW_PLAN)

IfThere = Literal["refuse", "resume", "overwrite"]
"""What to do with a store that exists."""


@dataclass(frozen=True)
class AnnotationStore:
    """An annotation store.

    Attributes:
        folder: where it lies.
        manifest: what made it.
        has_moved_images: whether this run looks for the images elsewhere than those before it.
    """

    folder: Path
    manifest: Manifest
    has_moved_images: bool = False

    def shards(self) -> Iterator[Shard]:
        """Walk through the plan."""
        return read_shards(self.folder / PLAN, self.manifest.plan.images_per_shard)

    def files(self, number: int) -> ShardFiles:
        """The files of a shard."""
        return ShardFiles.of(self.folder, number)

    def claim_path(self, number: int) -> Path:
        """The lock of a shard."""
        return self.folder / "claims" / f"{number:08d}.lock"

    @property
    def is_complete(self) -> bool:
        """Whether every image is annotated or quarantined."""
        return all(self.files(number).is_sealed for number in range(self.manifest.plan.shards))

    def images(self) -> Iterator[ImageRow]:
        """All rows of images that are there, in the order of the plan; in bounded memory."""
        for pair in self._pairs():
            yield from pair.read_images()

    def counts(self) -> tuple[int, int, int]:
        """Images, masks, and quarantined images; quickly, from three columns."""
        images = masks = quarantined = 0
        for pair in self._pairs():
            for group in row_groups(pair.images, ["masks", "status"]):
                images += len(group)
                masks += int(group.column("masks").to_numpy().sum())
                quarantined += group.column("status").to_pylist().count("quarantined")
        return images, masks, quarantined

    def quarantined(self) -> Iterator[ImageRow]:
        """Images that could not be annotated, with their reasons."""
        return (row for row in self.images() if row.status == "quarantined")

    def masks(self) -> Iterator[AnnotatedRow]:
        """All images that are done, each with its masks, in the order of the plan; in bounded memory."""
        return self._masks(self._pairs())

    def masks_of(self, image_ids: set[int]) -> Iterator[AnnotatedRow]:
        """Some images with their masks; only their shards are read."""
        numbers = sorted({(image_id - 1) // self.manifest.plan.images_per_shard for image_id in image_ids})
        pairs = (pair for number in numbers for pair in self.files(number).complete())
        return (row for row in self._masks(pairs) if row.image.image_id in image_ids)

    def entries_of(self, image_ids: set[int]) -> Iterator[PlannedImage]:
        """Some lines of the plan."""
        numbers = {(image_id - 1) // self.manifest.plan.images_per_shard for image_id in image_ids}
        for shard in self.shards():
            if shard.number in numbers:
                yield from (entry for entry in shard.entries() if entry.image_id in image_ids)

    def _masks(self, pairs: Iterable[ShardTables]) -> Iterator[AnnotatedRow]:
        for pair in pairs:
            of_image = _by_image(row_groups(pair.masks))
            waiting = next(of_image, None)
            for row in pair.read_images():
                table = mask_schema().empty_table() if waiting is None or waiting[0] != row.image_id else waiting[1]
                if waiting is not None and waiting[0] == row.image_id:
                    waiting = next(of_image, None)
                if row.status == "done":
                    yield annotated_row(row, table, self.manifest.checkpoint)

    def mask_columns(self, names: list[str]) -> Iterator[pa.Table]:
        """Some columns of all masks, group by group."""
        for pair in self._pairs():
            yield from row_groups(pair.masks, names)

    def _pairs(self) -> Iterator[ShardTables]:
        for number in range(self.manifest.plan.shards):
            yield from self.files(number).complete()


def _by_image(groups: Iterable[pa.Table]) -> Iterator[tuple[int, pa.Table]]:
    """Cut groups of mask rows, sorted by image, into one table per image."""
    pa = arrow()
    waiting: list[Any] = []  # tables; pyarrow has no types
    current: int | None = None
    for group in groups:
        ids = group.column("image_id").to_numpy()
        start = 0
        while start < len(ids):
            stop = start + int((ids[start:] == ids[start]).argmin() or len(ids) - start)
            if current is not None and ids[start] != current:
                yield current, pa.concat_tables(waiting, promote_options="permissive")
                waiting = []
            current = int(ids[start])
            waiting.append(group.slice(start, stop - start))
            start = stop
    if current is not None:
        yield current, pa.concat_tables(waiting, promote_options="permissive")


def open_store(folder: str | os.PathLike[str]) -> AnnotationStore:
    """Open a store to read from it, also while it is being filled.

    Raises:
        DatasetError: there is no store, or it is damaged.
        MissingExtra: pyarrow is not installed.
    """
    arrow()
    return AnnotationStore(Path(folder), read_manifest(Path(folder) / MANIFEST))


def create_store(
    folder: Path,
    job: Mapping[str, Any],
    entries: Iterable[PlannedImage],
    *,
    if_there: IfThere = "refuse",
    images_per_shard: int | None = None,
    is_tiled: bool = False,
) -> AnnotationStore:
    """Make a store, or join one of the same job.

    Args:
        folder: where it shall lie.
        job: what its rows will depend on, see `Manifest`.
        entries: the images; when a store is resumed its plan stays as it was, and they are gone through only if the
            images of a COCO file are now looked for elsewhere.
        if_there: "refuse" a store that exists, "resume" it if the job is the same (and begin one where there is none,
            so that a job that is started again and again, or on many machines at once, needs one command line),
            "overwrite" it, with the report and the exports that lie in it.
        images_per_shard: None for what suits their number.
        is_tiled: whether the images are huge.

    Raises:
        OutputError: the folder cannot be written, holds a store that may not be touched, or somebody else's files.
        SettingsError: the store that is there was made with another job; or there is no image.
        MissingExtra: pyarrow is not installed.
    """
    arrow()
    require_store_place(folder, if_there)
    with made_folder(folder), _claimed_making(folder, waits=if_there == "resume"):
        if (folder / MANIFEST).exists():
            require_store_place(folder, if_there)  # somebody may have made it since
            if if_there == "resume":
                return _joined(open_store(folder), job, entries)
        return _made(folder, job, entries, images_per_shard, is_tiled=is_tiled)


def require_store_place(folder: Path, if_there: IfThere) -> None:
    """Find out, before anything is loaded, whether a store can lie in a folder; nothing is left.

    Raises:
        OutputError: it cannot be written, holds a store that may not be touched, or somebody else's files.
    """
    require_folder(folder)
    if (folder / MANIFEST).exists():
        if if_there == "refuse":
            raise OutputError(
                f"{folder} holds a store already; go on with `resume=True`, or replace it by `overwrite=True`"
            )
        return
    strangers = [path.name for path in folder.iterdir() if not _is_ours(path)] if folder.exists() else []
    if strangers:
        raise OutputError(f"{folder} is not empty ({strangers[0]}); choose another folder for the store")


def _made(
    folder: Path,
    job: Mapping[str, Any],
    entries: Iterable[PlannedImage],
    images_per_shard: int | None,
    *,
    is_tiled: bool,
) -> AnnotationStore:
    """A new store, also in the place of an old one: which is there until the new plan is, since that can fail."""
    planned = folder / NEW_PLAN
    try:
        plan = write_plan(planned, entries, images_per_shard, is_tiled=is_tiled)
        manifest = new_manifest(job, plan)
        if (folder / MANIFEST).exists():
            _remove(folder)
        for name in FOLDERS:
            make_folder(folder / name)
        os.replace(planned, folder / PLAN)
        for path in folder.iterdir():
            if path.name.startswith(_LEFTOVERS):
                path.unlink()
        manifest.save(folder / MANIFEST)  # from here on it is a store
    finally:
        planned.unlink(missing_ok=True)
        if not (folder / MANIFEST).exists():  # so that a folder of nothing can go
            forget(folder / CREATION)
    return AnnotationStore(folder, manifest)


def _joined(store: AnnotationStore, job: Mapping[str, Any], entries: Iterable[PlannedImage]) -> AnnotationStore:
    """A store that is resumed, with the folder of the images as it is now."""
    require_same_job(store.manifest.job, job, store.folder)
    if not images_moved(store.manifest.job, job):
        return store
    for _ in entries:
        pass  # raises if most of them are not there either
    moved = {**store.manifest.job, "source": {**store.manifest.job["source"], "root": job["source"]["root"]}}
    manifest = replace(store.manifest, job=moved)
    manifest.save(store.folder / MANIFEST)
    return AnnotationStore(store.folder, manifest, has_moved_images=True)


@contextmanager
def _claimed_making(folder: Path, *, waits: bool) -> Iterator[None]:
    """Be the only process that makes a store here, at once or after those that came earlier."""
    while True:
        with claim(folder / CREATION) as is_ours:
            if is_ours:
                yield
                return
        if not waits:
            raise OutputError(f"another process is just making {folder}; join it with `resume=True`")
        time.sleep(LOOK_AGAIN_S)


def _is_ours(path: Path) -> bool:
    known = (*FOLDERS, MANIFEST, PLAN, CREATION, QUARANTINED, REPORT, EXPORTS)
    return path.name in known or path.name.startswith(_LEFTOVERS)


def _remove(folder: Path) -> None:
    """Remove a store, and nothing that samara did not make."""
    if someone_holds(folder / "claims"):
        raise OutputError(f"a process is annotating into {folder}; end it first, or choose another folder")
    (folder / MANIFEST).unlink()  # from here on it is none, whatever is left
    for name in (QUARANTINED, REPORT):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / EXPORTS, ignore_errors=True)
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
