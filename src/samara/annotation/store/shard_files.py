"""One shard on disk: pieces during annotation, then sealed as one pair of tables.

In each pair the masks are written before the images, so a table of images implies that its masks are complete. Masks
without such a table were left by a process that died and are written again. A sealed shard contains the same bytes of
masks regardless of interruptions.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samara.annotation.store.rows import (
    ImageRow,
    arrow,
    image_rows,
    image_schema,
    image_table,
    mask_schema,
    widened,
)
from samara.errors import DatasetError
from samara.system.files import durable_file, make_folder

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_GROUP = 8192
COMPRESSION = "zstd"


@dataclass(frozen=True)
class ShardTables:
    """A table of images and the table of their masks."""

    images: Path
    masks: Path

    @classmethod
    def named(cls, folder: Path, name: str) -> ShardTables:
        """Return the pair of a name in a folder."""
        return cls(folder / f"{name}.images.parquet", folder / f"{name}.masks.parquet")

    @property
    def is_complete(self) -> bool:
        """Whether the pair was written completely."""
        return self.images.exists()

    def write(self, images: pa.Table, masks: Iterable[pa.Table]) -> None:
        """Write both tables durably.

        Raises:
            OutputError: the files cannot be written.
        """
        write_table(self.masks, masks, mask_schema())
        write_table(self.images, [images], image_schema())

    def read_images(self) -> list[ImageRow]:
        """Return the rows of its images."""
        return list(image_rows(read_table(self.images)))

    def ids(self) -> frozenset[int]:
        """Return the ids of its images; a table is never changed, so they are read once."""
        return _ids_in(self.images, self.images.stat().st_mtime_ns)

    def of_image(self, image_id: int) -> tuple[ImageRow, pa.Table]:
        """Read one of its images with the rows of its masks, without reading the masks of all others."""
        (image,) = image_rows(_of_image(row_groups(self.images, image_id=image_id), image_id))
        return image, _of_image(mask_groups(self.masks, image_id=image_id), image_id)

    def remove(self) -> None:
        """Remove both, the images first, so that they never exist without masks."""
        self.images.unlink(missing_ok=True)
        self.masks.unlink(missing_ok=True)


@dataclass(frozen=True)
class ShardFiles:
    """The files of one shard.

    Attributes:
        number: number of the shard.
        sealed: final tables.
        journal: folder of the pieces.
    """

    number: int
    sealed: ShardTables
    journal: Path

    @classmethod
    def of(cls, store: Path, number: int) -> ShardFiles:
        """Return the files of a shard in a store."""
        return cls(number, ShardTables.named(store / "shards", f"{number:08d}"), store / "journal" / f"{number:08d}")

    @property
    def is_sealed(self) -> bool:
        """Whether all of its images are done."""
        return self.sealed.is_complete

    def pieces(self) -> list[ShardTables]:
        """Return the complete pieces in the order they were written; none for a sealed shard."""
        if self.is_sealed:
            return []
        return pairs_in(self.journal)

    def complete(self) -> list[ShardTables]:
        """Return all pairs with rows of this shard."""
        return [self.sealed] if self.is_sealed else self.pieces()

    def done_ids(self) -> set[int]:
        """Return the ids of the images in the pieces; none for a sealed shard."""
        return {row.image_id for piece in self.pieces() for row in piece.read_images()}

    def add_piece(self, images: Sequence[ImageRow], masks: Sequence[pa.Table]) -> None:
        """Write some images with their masks as the next piece.

        Raises:
            OutputError: the files cannot be written.
        """
        make_folder(self.journal)
        last = max((int(pair.images.name.partition(".")[0]) for pair in self.pieces()), default=0)
        ShardTables.named(self.journal, f"{last + 1:06d}").write(image_table(images), masks)

    def seal(self) -> None:
        """Merge the pieces in the order of the plan, and remove them.

        Raises:
            OutputError: the files cannot be written; the pieces remain.
        """
        if not self.is_sealed:
            pieces = self.pieces()
            images = arrow().concat_tables([read_table(piece.images) for piece in pieces])
            ids = images.column("image_id").to_pylist()
            masks: Iterable[pa.Table] = (group for piece in pieces for group in mask_groups(piece.masks))
            if ids != sorted(ids):  # it was reopened
                images = images.sort_by("image_id")
                masks = [arrow().concat_tables(masks).sort_by([("image_id", "ascending"), ("mask_index", "ascending")])]
            self.sealed.write(images, masks)
        self.remove_journal()

    def reopen(self) -> int:
        """Make the quarantined images of a sealed shard ready for another attempt; return how many."""
        if not self.is_sealed:
            return 0
        rows = self.sealed.read_images()
        kept = [row for row in rows if row.status == "done"]
        if len(kept) < len(rows):
            self.remove_journal()
            make_folder(self.journal)
            # The piece is ignored while the shard is sealed, and counts as soon as the seal is removed.
            ShardTables.named(self.journal, "000001").write(image_table(kept), mask_groups(self.sealed.masks))
            self.sealed.remove()
        return len(rows) - len(kept)

    def remove_leftovers(self) -> None:
        """Remove incomplete files of a process that died; the caller holds the claim."""
        for folder in (self.sealed.images.parent, self.journal):
            for path in folder.glob(f".{self.number:08d}.*.part" if folder != self.journal else ".*.part"):
                path.unlink(missing_ok=True)

    def remove_journal(self) -> None:
        """Remove the pieces of a sealed shard, which are ignored already."""
        with suppress(OSError):
            shutil.rmtree(self.journal)


def pairs_in(folder: Path) -> list[ShardTables]:
    """Return the complete pairs in a folder, in the order of their numbers."""
    names = sorted(path.name.partition(".")[0] for path in folder.glob("[0-9]*.images.parquet"))
    return [ShardTables.named(folder, name) for name in names]


def write_table(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> None:
    """Write rows durably, in groups whose bounds depend only on the rows, not on how they arrive.

    Raises:
        OutputError: the files cannot be written.
    """
    arrow()
    from pyarrow import parquet

    # A Python file, whose errors keep their errno: a full disk must be distinguishable.
    with (
        durable_file(path) as partial,
        partial.open("wb") as file,
        parquet.ParquetWriter(file, schema, compression=COMPRESSION) as writer,
    ):
        for table in _regrouped(tables, schema):
            writer.write_table(table, row_group_size=ROWS_PER_GROUP)


def _regrouped(tables: Iterable[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """Join and split tables into groups of `ROWS_PER_GROUP` rows; the last has the rest."""
    pa = arrow()
    waiting = schema.empty_table()
    for table in tables:
        waiting = pa.concat_tables([waiting, table.cast(schema)])
        while len(waiting) >= ROWS_PER_GROUP:
            yield _plain(waiting.slice(0, ROWS_PER_GROUP))
            waiting = waiting.slice(ROWS_PER_GROUP)
    if len(waiting):
        yield _plain(waiting)


def _plain(table: pa.Table) -> pa.Table:
    """Use one chunk per column and one dictionary, so that equal rows are equal bytes."""
    pa = arrow()
    columns = []
    for column in table.combine_chunks().columns:
        if pa.types.is_dictionary(column.type):
            decoded = column.cast(column.type.value_type)
            columns.append(decoded.dictionary_encode().cast(column.type))
        else:
            columns.append(column)
    return pa.table(columns, schema=table.schema)


def read_table(path: Path) -> pa.Table:
    """Read a table completely.

    Raises:
        DatasetError: the file is missing or damaged.
    """
    tables = list(row_groups(path))
    return arrow().concat_tables(tables)


@lru_cache(maxsize=1 << 14)
def _ids_in(images: Path, written_ns: int) -> frozenset[int]:
    del written_ns  # tells a table of an overwritten store from its predecessor
    return frozenset(one for group in row_groups(images, ["image_id"]) for one in group.column(0).to_pylist())


def _of_image(groups: Iterable[pa.Table], image_id: int) -> pa.Table:
    from pyarrow import compute

    return arrow().concat_tables([group.filter(compute.equal(group.column("image_id"), image_id)) for group in groups])


def mask_groups(path: Path, columns: list[str] | None = None, *, image_id: int | None = None) -> Iterator[pa.Table]:
    """Like `row_groups`, for a table of masks: columns that an earlier version did not write are null."""
    pa, schema = arrow(), mask_schema()
    if columns is not None:
        schema = pa.schema([schema.field(name) for name in columns])
    return (widened(group, schema) for group in row_groups(path, columns, image_id=image_id))


def row_groups(path: Path, columns: list[str] | None = None, *, image_id: int | None = None) -> Iterator[pa.Table]:
    """Read a table, or those of some columns that it has, group by group; the first group is an empty one.

    Args:
        path: the table; its first column is `image_id`.
        columns: names; None for all.
        image_id: leave out groups that cannot have rows of this image; None to read all.

    Raises:
        DatasetError: the file is missing or damaged.
    """
    pa = arrow()
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path, memory_map=False) as file:
            empty = file.schema_arrow.empty_table()
            if columns is not None:
                columns = [name for name in columns if name in empty.column_names]
            yield empty if columns is None else empty.select(columns)
            for index in range(file.num_row_groups):
                if image_id is None or _may_have(file.metadata.row_group(index), image_id):
                    yield file.read_row_group(index, columns)
    except (OSError, pa.ArrowInvalid) as error:
        raise DatasetError(f"{path} cannot be read ({str(error)[:120]}); the store is damaged") from error


def _may_have(group: Any, image_id: int) -> bool:  # Any: of pyarrow
    bounds = group.column(0).statistics
    return bounds is None or not bounds.has_min_max or bounds.min <= image_id <= bounds.max
