"""The rows of a shard as they are now: those of the annotation, with the images that people corrected replaced.

    corrections/00000000/000001.images.parquet    rows of the corrected images, written last
    corrections/00000000/000001.masks.parquet     all of their masks

A correction never changes an earlier file. It holds the complete masks of its images; of several corrections of an
image the last counts. So the masks of the checkpoint, and those of every earlier correction, stay readable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samara.annotation.store.rows import ImageRow, arrow, image_table, mask_schema
from samara.annotation.store.shard_files import ShardTables, mask_groups, pairs_in
from samara.system.files import make_folder

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class ShardRows:
    """The rows of one shard.

    Attributes:
        annotated: tables of the annotation.
        corrections: tables of its corrections, oldest first.
    """

    annotated: Sequence[ShardTables]
    corrections: Sequence[ShardTables]

    def images(self) -> Iterator[ImageRow]:
        """Yield the images, in the order of the annotation's tables."""
        for pair in self.annotated:
            for row in pair.read_images():
                yield self._latest[row.image_id][0] if row.image_id in self._latest else row

    def tables(self) -> Iterator[tuple[ImageRow, pa.Table]]:
        """Yield the images with their masks, see `mask_schema`; the masks of corrected images are in memory."""
        for pair in self.annotated:
            for row, masks in _with_masks(pair):
                yield self._latest.get(row.image_id, (row, masks))

    def mask_columns(self, names: list[str]) -> Iterator[pa.Table]:
        """Yield some columns of all masks, group by group, those of corrected images last."""
        corrected = list(self._latest)
        for pair in self.annotated:
            for group in mask_groups(pair.masks, [*names, *({"image_id"} - {*names})]):
                yield (_without(group, corrected) if corrected else group).select(names)
        for _, masks in self._latest.values():
            yield masks.select(names)

    def of_image(self, image_id: int) -> tuple[ImageRow, pa.Table] | None:
        """Read one image with its masks as it is now; None if it has not been annotated."""
        base = next((pair for pair in self.annotated if image_id in pair.ids()), None)
        if base is None:
            return None
        return next((pair for pair in reversed(self.corrections) if image_id in pair.ids()), base).of_image(image_id)

    def history(self, image_id: int) -> list[tuple[ImageRow, pa.Table]]:
        """Return an image with its masks as it was, oldest first; the last is as it is now."""
        pairs = (*self.annotated, *self.corrections)
        return [pair.of_image(image_id) for pair in pairs if image_id in pair.ids()]

    @property
    def corrected(self) -> set[int]:
        """Ids of the corrected images."""
        return set(self._latest)

    @cached_property
    def _latest(self) -> dict[int, tuple[ImageRow, Any]]:  # Any: a table; pyarrow has no types
        return {row.image_id: (row, masks) for pair in self.corrections for row, masks in _with_masks(pair)}


def corrections_in(folder: Path) -> list[ShardTables]:
    """Return the complete corrections in the folder of a shard, oldest first."""
    return pairs_in(folder) if folder.is_dir() else []


def add_correction(folder: Path, images: Sequence[ImageRow], masks: Iterable[pa.Table]) -> ShardTables:
    """Write a correction of some images of a shard as its last; complete or absent, whatever happens.

    Args:
        folder: folder of the shard's corrections; the caller holds the claim of the store's corrections.
        images: their new rows, by id.
        masks: all of their masks, in the same order.

    Returns:
        The files of the correction.

    Raises:
        OutputError: the files cannot be written.
    """
    make_folder(folder)
    for path in folder.glob(".*.part"):  # of a process that died
        path.unlink(missing_ok=True)
    last = max((int(pair.images.name.partition(".")[0]) for pair in pairs_in(folder)), default=0)
    correction = ShardTables.named(folder, f"{last + 1:06d}")
    correction.write(image_table(images), masks)
    return correction


def fold_corrections(folder: Path, corrections: Sequence[ShardTables]) -> ShardTables:
    """Replace the last corrections of a shard by one, which has the last state of each of their images.

    If this is interrupted, some of the corrections remain beside the new one, which counts.

    Args:
        folder: folder of the shard's corrections; the caller holds the claim of the store's corrections.
        corrections: the last of its corrections, oldest first; later states of their images replace earlier ones.

    Returns:
        The files of the new correction.

    Raises:
        OutputError: the files cannot be written; the corrections remain.
    """
    latest = {row.image_id: (row, masks) for pair in corrections for row, masks in _with_masks(pair)}
    last = [latest[image_id] for image_id in sorted(latest)]
    folded = add_correction(folder, [row for row, _ in last], [masks for _, masks in last])
    for pair in corrections:
        pair.remove()
    return folded


def _without(group: pa.Table, image_ids: list[int]) -> pa.Table:
    from pyarrow import compute

    return group.filter(compute.invert(compute.is_in(group.column("image_id"), arrow().array(image_ids))))


def _with_masks(pair: ShardTables) -> Iterator[tuple[ImageRow, pa.Table]]:
    """Yield the images of a pair with the tables of their masks, in bounded memory."""
    of_image = _by_image(mask_groups(pair.masks))
    waiting = next(of_image, None)
    for row in pair.read_images():
        if waiting is None or waiting[0] != row.image_id:
            yield row, mask_schema().empty_table()
        else:
            yield row, waiting[1]
            waiting = next(of_image, None)


def _by_image(groups: Iterable[pa.Table]) -> Iterator[tuple[int, pa.Table]]:
    """Split groups of mask rows, sorted by image, into one table per image."""
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
