"""Shards on disk: however they are put together, the masks are the same bytes; what is half is nothing."""

from __future__ import annotations

import pytest

from samara.annotation.store import shard_files
from samara.annotation.store.rows import mask_table
from samara.annotation.store.shard_files import ShardFiles, ShardTables, read_table
from samara.errors import DatasetError
from tests.annotation.conftest import image_row, random_masks


def rows_of(ids):
    images = [image_row(index) for index in ids]
    return images, [mask_table(row, random_masks(row.image_id)) for row in images]


def shard_of(folder, pieces):
    (folder / "shards").mkdir(parents=True, exist_ok=True)
    files = ShardFiles.of(folder, 0)
    for ids in pieces:
        files.add_piece(*rows_of(ids))
    return files


@pytest.mark.parametrize("rows_per_group", [4, 8192])
@pytest.mark.parametrize("pieces", [[range(1, 8)], [[1], [2, 3], [4, 5, 6, 7]], [[5, 6], [1, 7], [2, 3, 4]]])
def test_sealed_masks_do_not_depend_on_the_pieces(tmp_path, monkeypatch, pieces, rows_per_group):
    monkeypatch.setattr(shard_files, "ROWS_PER_GROUP", rows_per_group)
    reference = shard_of(tmp_path / "a", [range(1, 8)])
    reference.seal()
    files = shard_of(tmp_path / "b", pieces)
    assert not files.is_sealed
    files.seal()
    assert files.is_sealed
    assert not files.journal.exists()
    assert files.sealed.masks.read_bytes() == reference.sealed.masks.read_bytes()
    assert files.sealed.images.read_bytes() == reference.sealed.images.read_bytes()
    assert read_table(files.sealed.masks).column("mask_index").to_pylist() == [0, 1, 2] * 7


def test_a_piece_without_images_does_not_count(tmp_path):
    files = shard_of(tmp_path, [[1, 2], [3]])
    first, second = files.pieces()
    second.images.unlink()  # as if the process had died between the two
    assert files.pieces() == [first]
    files.add_piece(*rows_of([3]))
    assert [row.image_id for piece in files.pieces() for row in piece.read_images()] == [1, 2, 3]


def test_the_seal_wins_over_pieces(tmp_path):
    files = shard_of(tmp_path, [[1, 2]])
    piece = files.pieces()[0]
    kept = piece.images.read_bytes(), piece.masks.read_bytes()
    files.seal()
    files.journal.mkdir()  # as if the process had died before it removed the pieces
    piece.images.write_bytes(kept[0])
    piece.masks.write_bytes(kept[1])
    assert files.pieces() == []
    assert files.complete() == [files.sealed]
    files.seal()
    assert not files.journal.exists()


def test_reopening_gives_back_what_was_quarantined(tmp_path):
    files = shard_of(tmp_path, [])
    images, masks = rows_of([1, 3])
    broken = image_row(2, 0, status="quarantined", reason="is a PDF")
    files.add_piece([images[0], broken, images[1]], masks)
    files.seal()
    before = files.sealed.masks.read_bytes()
    assert files.reopen() == 1
    assert not files.is_sealed
    assert [row.image_id for piece in files.pieces() for row in piece.read_images()] == [1, 3]
    files.add_piece([broken], [])
    files.seal()
    assert [row.image_id for row in files.sealed.read_images()] == [1, 2, 3]
    assert files.sealed.masks.read_bytes() == before
    files_without = shard_of(tmp_path / "b", [[1]])
    files_without.seal()
    assert files_without.reopen() == 0
    assert files_without.is_sealed


def test_leftovers_go(tmp_path):
    files = shard_of(tmp_path, [[1]])
    for path in (files.journal / ".000002.masks.parquet.7.part", tmp_path / "shards/.00000000.images.parquet.7.part"):
        path.write_bytes(b"half")
    other = tmp_path / "shards/.00000001.images.parquet.7.part"
    other.write_bytes(b"somebody writes this")
    files.remove_leftovers()
    assert len(files.pieces()) == 1
    assert list((tmp_path / "shards").iterdir()) == [other]


def test_damage_is_told(tmp_path):
    pair = ShardTables(tmp_path / "a", tmp_path / "b")
    pair.images.write_bytes(b"PAR1 no more")
    with pytest.raises(DatasetError, match="damaged"):
        pair.read_images()
