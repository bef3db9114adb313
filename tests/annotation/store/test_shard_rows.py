"""Rows with corrections: the last one of an image counts, everything else is as it was annotated."""

from __future__ import annotations

import pytest

from samara.annotation.store.rows import mask_table
from samara.annotation.store.shard_rows import ShardRows, add_correction, corrections_in
from samara.annotation.store.store import create_store
from tests.annotation.conftest import JOB, entries, image_row, random_masks
from tests.annotation.store.test_store import fill


@pytest.fixture
def store(tmp_path):
    store = create_store(tmp_path / "out", JOB, entries(8), images_per_shard=4)
    fill(store)
    return store


def correct(store, image_id, count, seed):
    row = image_row(image_id, count)
    folder = store.corrections_folder(store.shard_of(image_id))
    add_correction(folder, [row], [mask_table(row, random_masks(seed, count))])


def test_the_last_correction_counts(store):
    correct(store, 6, 5, 100)
    correct(store, 6, 1, 101)
    correct(store, 7, 0, 0)
    masks = {row.image.image_id: row.masks for row in store.masks()}
    assert masks[6].rles == random_masks(101, 1).rles
    assert len(masks[7]) == 0
    assert masks[5].rles == random_masks(5, 1).rles
    assert [row.masks for row in store.images()] == [1, 2, 3, 0, 1, 1, 0, 0]
    assert store.counts() == (8, 8, 0)
    ids = [number for group in store.mask_columns(["image_id"]) for number in group.column("image_id").to_pylist()]
    assert sorted(ids) == [1, 2, 2, 3, 3, 3, 5, 6]
    assert store.corrected() == {6, 7}
    assert [len(row.masks) for row in store.history(6)] == [2, 5, 1]


def test_single_images_are_read_with_their_corrections(store):
    correct(store, 3, 1, 9)
    assert [(row.image.image_id, len(row.masks)) for row in store.masks_of({3, 5})] == [(3, 1), (5, 1)]


def test_columns_need_not_contain_the_image(store):
    correct(store, 1, 4, 9)
    assert sum(len(group) for group in store.mask_columns(["area"])) == 12 - 1 + 4


def test_a_shard_without_corrections_has_none(store):
    rows = store.rows(0)
    assert rows == ShardRows(store.files(0).complete(), [])
    assert corrections_in(store.corrections_folder(0)) == []
