"""A store whose images are edited one by one, each change on disk before the call returns."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from samara.annotation.editing.listing import ListedImage, Listing
from samara.annotation.editing.objects import EditedObject, edited_rows, objects_of, require_objects, revision_of
from samara.annotation.inputs.prefetch import Reading
from samara.annotation.review.corrections import claimed
from samara.annotation.run.batch import image_row
from samara.annotation.store.locks import claim
from samara.annotation.store.rows import ImageRow, mask_schema
from samara.annotation.store.shard_files import ShardTables
from samara.annotation.store.shard_rows import ShardRows, add_correction, corrections_in, fold_corrections
from samara.annotation.store.store import AnnotationStore
from samara.errors import ImageError, OutputError, SettingsError

if TYPE_CHECKING:
    import pyarrow as pa

FOLD_AFTER = 32
"""Corrections of a shard that an editor leaves beside each other: one is written for each change."""


class OutdatedRevision(SettingsError):
    """An image was changed since its objects were read; nothing was saved.

    Attributes:
        revision: the revision as it is now.
    """

    def __init__(self, sentence: str, revision: str) -> None:
        """See the class."""
        super().__init__(sentence)
        self.revision = revision


@dataclass(frozen=True)
class EditedImage:
    """The objects of one image.

    Attributes:
        objects: its objects, in the order in which they were saved.
        revision: name of this state.
        is_edited: whether a person has saved the image.
    """

    objects: tuple[EditedObject, ...]
    revision: str
    is_edited: bool


class StoreEditor:
    """Editor of a store.

    Threads may share it, and other processes may annotate, review and edit the same store: each change is a correction
    of its own, see `samara.annotation.store.shard_rows`.

    Args:
        store: the store.
        reading: how its images are read.
    """

    def __init__(self, store: AnnotationStore, reading: Reading) -> None:
        self.store, self.reading = store, reading
        self.listing = Listing(store)
        self._lock = threading.Lock()
        self._written: dict[int, list[ShardTables]] = {}  # corrections by shard, the last of them
        self._numbers: dict[int, int] = {}  # numbers of masks that are taken, by image

    def load(self, image_id: int) -> EditedImage:
        """Read the objects of an image; there are none before it is annotated or edited.

        Raises:
            SettingsError: the store has no such image.
            DatasetError: the store is damaged.
        """
        self.listing.require(image_id)
        return self._state(image_id, self._rows(image_id).of_image(image_id))

    def save(self, image_id: int, objects: Sequence[EditedObject], revision: str | None = None) -> EditedImage:
        """Replace the objects of an image; they are on disk when the call returns. The same again changes nothing.

        Args:
            image_id: id of the image.
            objects: all of its objects; none if nothing is to be seen.
            revision: the state on which they are based; None to replace any.

        Raises:
            SettingsError: the store has no such image, or the objects do not fit it.
            OutdatedRevision: the image is in another state, and the objects differ from it.
            ImageError: the image cannot be read, so it has no masks.
            OutputError: the store cannot be written, or another process is writing to this part of it.
        """
        entry = self.listing.require(image_id)
        with self._lock, claimed(self.store):
            known = self._rows(image_id).of_image(image_id)
            image, table = self._unannotated(entry) if known is None else known
            if image.status != "done":
                raise ImageError(f"{image.path!r} has no masks: {image.reason}")
            require_objects(objects, image.size_hw)
            before = self._state(image_id, known)
            new_image, new_table = edited_rows(image, table, objects, self._first_number(image_id))
            after = EditedImage(objects_of(new_table), revision_of(new_table, is_edited=True), is_edited=True)
            if before.revision == after.revision:
                return before
            if revision not in (None, before.revision):
                raise OutdatedRevision(f"{image.path!r} was changed meanwhile; read it again", before.revision)
            self._write(new_image, new_table, is_first=known is None)
        self._numbers[image_id] = max([self._numbers[image_id], *(1 + n for n in new_table["mask_index"].to_pylist())])
        self.listing.put(replace(entry, state="annotated", size_hw=image.size_hw, objects=len(objects), doubt=None))
        return after

    def _rows(self, image_id: int) -> ShardRows:
        return self.store.rows(self.store.shard_of(image_id))

    def _state(self, image_id: int, known: tuple[ImageRow, pa.Table] | None) -> EditedImage:
        is_edited = self._is_edited(image_id, known)
        table = mask_schema().empty_table() if known is None else known[1]
        return EditedImage(objects_of(table), revision_of(table, is_edited=is_edited), is_edited)

    def _is_edited(self, image_id: int, known: tuple[ImageRow, pa.Table] | None) -> bool:
        corrections = corrections_in(self.store.corrections_folder(self.store.shard_of(image_id)))
        return known is not None and any(image_id in pair.ids() for pair in corrections)

    def _unannotated(self, entry: ListedImage) -> tuple[ImageRow, pa.Table]:
        """Return the row of an image that has none yet, without masks."""
        fetched = self.reading.fetch(self.listing.planned(entry.image_id))
        if fetched.image is None:
            raise ImageError(fetched.reason or f"{entry.name!r} cannot be read")
        return image_row(fetched), mask_schema().empty_table()

    def _first_number(self, image_id: int) -> int:
        if image_id not in self._numbers:
            tables = (table for _, table in self._rows(image_id).history(image_id))
            numbers = (number for table in tables for number in table["mask_index"].to_pylist())
            self._numbers[image_id] = 1 + max(numbers, default=-1)
        return self._numbers[image_id]

    def _write(self, image: ImageRow, table: pa.Table, *, is_first: bool) -> None:
        number = self.store.shard_of(image.image_id)
        folder = self.store.corrections_folder(number)
        with self._claimed_shard(number) if is_first else _nothing():
            written = self._last_written(number)
            self._written[number] = [*written, add_correction(folder, [image], [table])]
            if is_first:  # only now does the correction count, so both appear at once
                self._begin(replace(image, masks=0), number)
        if len(self._written[number]) >= FOLD_AFTER:
            self._written[number] = [fold_corrections(folder, self._written[number])]

    def _last_written(self, number: int) -> list[ShardTables]:
        """Return the own corrections of a shard, if nobody else has added one since."""
        written = self._written.get(number, [])
        there = corrections_in(self.store.corrections_folder(number))
        return written if written == there[len(there) - len(written) :] else []

    def _begin(self, image: ImageRow, number: int) -> None:
        """Add the row of an image that was not annotated, and seal its shard if it was the last one."""
        files = self.store.files(number)
        files.add_piece([image], [])
        if len(files.done_ids()) == self.listing.images_in(number):
            files.seal()

    @contextmanager
    def _claimed_shard(self, number: int) -> Iterator[None]:
        with claim(self.store.claim_path(number)) as is_ours:
            if not is_ours:
                raise OutputError(
                    f"another process is annotating this part of {self.store.folder}; try again when it has finished"
                )
            yield


@contextmanager
def _nothing() -> Iterator[None]:
    yield
