"""Numbers about a store, compared with the rows they are about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from samara.annotation.report.summary import summarise
from samara.annotation.store.rows import mask_table
from samara.annotation.store.store import create_store
from samara.masks.rle import encode_mask
from tests.annotation.conftest import JOB, entries, image_row, random_masks


def filled(folder):
    """Forty images with 2 masks; one empty, one crowded, one with a mask of all of it, one quarantined, two alike."""
    store = create_store(folder, JOB, entries(40), images_per_shard=16)
    for shard in store.shards():
        rows, tables = [], []
        for entry in shard.entries():
            number = entry.image_id
            count = {5: 0, 7: 120}.get(number, 2)
            masks = random_masks(number, count)
            if number == 9:
                masks = replace(masks, rles=(encode_mask(np.ones((12, 16), bool)), *masks.rles[1:]))
            looks = 0 if number in (20, 30) else number * 0x9E3779B97F4A7C15 % 2**64
            row = image_row(number, count, difference_hash=looks, seconds=0.5)
            if number == 11:
                row, count = replace(row, status="quarantined", reason="is a PDF", masks=0), 0
            rows.append(row)
            if count:
                tables.append(mask_table(row, masks, categories=["rod", *["cell"] * (count - 1)]))
        store.files(shard.number).add_piece(rows, tables)
    return store


def test_numbers_are_those_of_the_rows(tmp_path):
    summary = summarise(filled(tmp_path))
    assert summary.images == 40
    assert summary.masks == 37 * 2 + 120
    assert summary.quarantined == 1
    assert [row.image_id for row in summary.reasons] == [11]
    assert summary.seconds == 20
    assert summary.masks_per_image.number == 39
    assert summary.categories == {"rod": 38, "cell": 37 + 119}
    assert summary.predicted_iou.number == summary.area_fraction.number == summary.stability_score.number
    assert summary.predicted_iou.number == summary.masks
    assert 0.2 < summary.area_fraction.mean < 0.4


def test_what_is_suspicious_is_found(tmp_path):
    summary = summarise(filled(tmp_path))
    assert [row.image_id for row in summary.empty.examples] == [5]
    assert [row.image_id for row in summary.crowded.examples] == [7]
    assert [row.image_id for row in summary.full_frame.examples] == [9]
    assert summary.duplicates.pairs == ((20, 30),)
    assert len(summary.random.examples) == 12
    assert summarise(filled(tmp_path / "again")).random == summary.random


def test_an_empty_store_has_a_summary(tmp_path):
    summary = summarise(create_store(tmp_path, JOB, entries(3)))
    assert summary.images == 0
    assert summary.predicted_iou.mean is None
