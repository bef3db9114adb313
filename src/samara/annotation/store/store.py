"""The annotation store: a folder of sharded Parquet tables with their plan and manifest.

    manifest.json                       provenance of the rows
    plan.jsonl                          the list of images
    shards/00000000.images.parquet      one row per image of the shard
    shards/00000000.masks.parquet       one row per mask
    journal/00000001/                   pieces of an incomplete shard
    corrections/                        images that people corrected, see `shard_rows`; only if there are any
    classes.json                        names of the classes, in order; only if somebody has edited them
    claims/                             locks of running processes
    runs/                               time and machine of each run
    quarantined.csv                     images that failed, with reasons; like the next two, written at the end
    report.html                         the report page, if requested, and
    report/                             its pages of all images
    exports/                            other formats, if requested

Any Parquet reader can read the tables: `pyarrow.dataset.dataset(glob("DIR/shards/*.masks.parquet"))`.
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
from samara.annotation.store.rows import AnnotatedRow, ImageRow, annotated_row, arrow
from samara.annotation.store.shard_files import ShardFiles, row_groups
from samara.annotation.store.shard_rows import ShardRows, corrections_in
from samara.errors import OutputError
from samara.system.files import made_folder, make_folder, require_folder

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST, PLAN, NEW_PLAN = "manifest.json", "plan.jsonl", "plan.jsonl.new"
CREATION = "creation.lock"
RUNS = "runs"
FOLDERS = ("shards", "journal", "claims", RUNS)
CORRECTIONS = "corrections"
CLASSES = "classes.json"
QUARANTINED, REPORT, EXPORTS = "quarantined.csv", "report.html", "exports"
REPORT_PAGES = "report"
# Interval for checking whether another process has finished creating the store.
LOOK_AGAIN_S = 0.2
# Left by a process that died while creating the store.
_LEFTOVERS = (f".{MANIFEST}.", f".{PLAN}.", NEW_PLAN)

IfThere = Literal["refuse", "resume", "overwrite"]
"""What to do with an existing store."""


@dataclass(frozen=True)
class AnnotationStore:
    """An annotation store.

    Attributes:
        folder: folder of the store.
        manifest: description of the store.
        has_moved_images: whether this run uses another image folder than earlier ones.
    """

    folder: Path
    manifest: Manifest
    has_moved_images: bool = False

    def shards(self) -> Iterator[Shard]:
        """Stream the plan, shard by shard."""
        return read_shards(self.folder / PLAN, self.manifest.plan.images_per_shard)

    def files(self, number: int) -> ShardFiles:
        """Return the files of a shard."""
        return ShardFiles.of(self.folder, number)

    def claim_path(self, number: int) -> Path:
        """Return the lock file of a shard."""
        return self.folder / "claims" / f"{number:08d}.lock"

    @property
    def is_complete(self) -> bool:
        """Whether every image is annotated or quarantined."""
        return all(self.files(number).is_sealed for number in range(self.manifest.plan.shards))

    def id_of_missing(self, number: int) -> int | None:
        """Return the id of the `number`-th image, counted from 1, that has no row yet; None if fewer are missing."""
        for shard in self.shards():
            files = self.files(shard.number)
            if files.is_sealed:
                continue
            done = files.done_ids()
            for image_id in range(shard.first_id, shard.last_id + 1):
                number -= image_id not in done
                if not number:
                    return image_id
        return None

    def images(self) -> Iterator[ImageRow]:
        """Yield all image rows in the order of the plan, in bounded memory."""
        return (row for shard in self._rows() for row in shard.images())

    def counts(self) -> tuple[int, int, int]:
        """Count images, masks and quarantined images, quickly, from three columns."""
        images = masks = quarantined = 0
        for shard in self._rows():
            if shard.corrections:
                rows = [(row.masks, row.status) for row in shard.images()]
            else:
                groups = (row_groups(pair.images, ["masks", "status"]) for pair in shard.annotated)
                rows = [(row["masks"], row["status"]) for group in groups for part in group for row in part.to_pylist()]
            images += len(rows)
            masks += sum(count for count, _ in rows)
            quarantined += sum(status == "quarantined" for _, status in rows)
        return images, masks, quarantined

    def quarantined(self) -> Iterator[ImageRow]:
        """Yield the images that could not be annotated, with their reasons."""
        return (row for row in self.images() if row.status == "quarantined")

    def masks(self) -> Iterator[AnnotatedRow]:
        """Yield all finished images with their masks, in the order of the plan, in bounded memory."""
        return self._annotated(self.tables())

    def masks_of(self, image_ids: set[int]) -> Iterator[AnnotatedRow]:
        """Yield some images with their masks, reading only their shards."""
        return self._annotated(self.tables_of(image_ids))

    def tables(self) -> Iterator[tuple[ImageRow, pa.Table]]:
        """Yield all images with the rows of their masks, see `samara.annotation.store.rows.mask_schema`."""
        return (pair for shard in self._rows() for pair in shard.tables())

    def tables_of(self, image_ids: set[int]) -> Iterator[tuple[ImageRow, pa.Table]]:
        """Like `tables` for some images, reading only their shards."""
        shards = map(self.rows, sorted({self.shard_of(image_id) for image_id in image_ids}))
        return (pair for shard in shards for pair in shard.tables() if pair[0].image_id in image_ids)

    def history(self, image_id: int) -> list[AnnotatedRow]:
        """Return an image with its masks as it was before each correction, oldest first, and as it is now."""
        return list(self._annotated(self.rows(self.shard_of(image_id)).history(image_id)))

    def entries_of(self, image_ids: set[int]) -> Iterator[PlannedImage]:
        """Yield some lines of the plan."""
        numbers = {self.shard_of(image_id) for image_id in image_ids}
        for shard in self.shards():
            if shard.number in numbers:
                yield from (entry for entry in shard.entries() if entry.image_id in image_ids)

    def _annotated(self, tables: Iterable[tuple[ImageRow, pa.Table]]) -> Iterator[AnnotatedRow]:
        return (annotated_row(row, table, self.manifest.checkpoint) for row, table in tables if row.status == "done")

    def mask_columns(self, names: list[str]) -> Iterator[pa.Table]:
        """Yield some columns of all masks, group by group."""
        return (group for shard in self._rows() for group in shard.mask_columns(names))

    def shard_of(self, image_id: int) -> int:
        """Return the number of the shard of an image."""
        return (image_id - 1) // self.manifest.plan.images_per_shard

    def rows(self, number: int) -> ShardRows:
        """Return the rows of a shard, as they are now."""
        return ShardRows(self.files(number).complete(), corrections_in(self.corrections_folder(number)))

    def corrections_folder(self, number: int) -> Path:
        """Return the folder with the corrections of a shard."""
        return self.folder / CORRECTIONS / f"{number:08d}"

    def corrected(self) -> set[int]:
        """Return the ids of the images that people corrected."""
        folders = (self.folder / CORRECTIONS).glob("[0-9]*")
        return {image_id for folder in folders for image_id in self.rows(int(folder.name)).corrected}

    def _rows(self) -> Iterator[ShardRows]:
        return map(self.rows, range(self.manifest.plan.shards))


def open_store(folder: str | os.PathLike[str]) -> AnnotationStore:
    """Open a store for reading, even while it is being filled.

    Raises:
        DatasetError: the store is missing or damaged.
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
    """Create a store, or join one with the same job.

    Args:
        folder: folder of the store.
        job: what its rows depend on, see `Manifest`.
        entries: the images; a resumed store keeps its plan, and they are iterated only if the image folder of a COCO
            file has changed.
        if_there: "refuse" an existing store; "resume" it if the job is the same (and create it if missing, so that a
            job that is restarted, or started on many machines at once, needs one command line); "overwrite" it, with
            the report and the exports in it.
        images_per_shard: images per shard; None to choose by their number.
        is_tiled: whether large images are tiled.

    Raises:
        OutputError: the folder cannot be written, or contains a store that must not be touched, or foreign files.
        SettingsError: the existing store has another job, or there is no image.
        MissingExtra: pyarrow is not installed.
    """
    arrow()
    require_store_place(folder, if_there)
    with made_folder(folder), _claimed_making(folder, waits=if_there == "resume"):
        if (folder / MANIFEST).exists():
            require_store_place(folder, if_there)  # another process may have created it since
            if if_there == "resume":
                return _joined(open_store(folder), job, entries)
        return _made(folder, job, entries, images_per_shard, is_tiled=is_tiled)


def require_store_place(folder: Path, if_there: IfThere) -> None:
    """Check, before anything is loaded, whether a folder can hold a store; leaves nothing behind.

    Raises:
        OutputError: it cannot be written, or contains a store that must not be touched, or foreign files.
    """
    require_folder(folder)
    if (folder / MANIFEST).exists():
        if if_there == "refuse":
            raise OutputError(
                f"{folder} already contains a store; continue it with `resume=True`, or replace it with "
                "`overwrite=True`"
            )
        if if_there == "overwrite" and (folder / CORRECTIONS).exists():
            raise OutputError(
                f"{folder} has corrections that people made, which would be lost; choose another folder, or "
                f"export them and move {folder / CORRECTIONS} away"
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
    """Create a store; an old one is kept until the new plan is written, since that can fail."""
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
        manifest.save(folder / MANIFEST)  # from here on the folder is a store
    finally:
        planned.unlink(missing_ok=True)
        if not (folder / MANIFEST).exists():  # leave no empty folder behind
            forget(folder / CREATION)
    return AnnotationStore(folder, manifest)


def _joined(store: AnnotationStore, job: Mapping[str, Any], entries: Iterable[PlannedImage]) -> AnnotationStore:
    """Resume a store, with the current image folder."""
    require_same_job(store.manifest.job, job, store.folder)
    if not images_moved(store.manifest.job, job):
        return store
    for _ in entries:
        pass  # raises if most of them are missing there too
    moved = {**store.manifest.job, "source": {**store.manifest.job["source"], "root": job["source"]["root"]}}
    manifest = replace(store.manifest, job=moved)
    manifest.save(store.folder / MANIFEST)
    return AnnotationStore(store.folder, manifest, has_moved_images=True)


@contextmanager
def _claimed_making(folder: Path, *, waits: bool) -> Iterator[None]:
    """Make sure that only one process creates a store here, immediately or after waiting for others."""
    while True:
        with claim(folder / CREATION) as is_ours:
            if is_ours:
                yield
                return
        if not waits:
            raise OutputError(f"another process is creating {folder}; join it with `resume=True`")
        time.sleep(LOOK_AGAIN_S)


def _is_ours(path: Path) -> bool:
    known = (*FOLDERS, MANIFEST, PLAN, CREATION, QUARANTINED, REPORT, EXPORTS, REPORT_PAGES, CORRECTIONS, CLASSES)
    return path.name in known or path.name.startswith(_LEFTOVERS)


def _remove(folder: Path) -> None:
    """Remove a store, and nothing that samara did not write."""
    if someone_holds(folder / "claims"):
        raise OutputError(f"a process is annotating into {folder}; end it first, or choose another folder")
    (folder / MANIFEST).unlink()  # from here on the folder is no longer a store
    for name in (QUARANTINED, REPORT, CLASSES):
        (folder / name).unlink(missing_ok=True)
    for name in (EXPORTS, REPORT_PAGES, *FOLDERS):
        shutil.rmtree(folder / name, ignore_errors=True)
