"""Rows after a correction: what was not touched keeps its row, everything else says who made it."""

from __future__ import annotations

import pytest

from samara.annotation.review.corrected_rows import MaskCounts, corrected_rows
from samara.annotation.store.rows import HUMAN
from samara.datasets.reviewed import ReviewedMask
from samara.masks.rle import Rle, encode_mask
from tests.annotation.review.stores import square, store_of


@pytest.fixture
def pair(tmp_path):
    store = store_of(tmp_path, ("good", "leaking", "small"), classes=["a", None, "c"], hierarchy=True)
    return next(store.tables())


def as_they_are(table):
    return [
        ReviewedMask(Rle(row["height"], row["width"], row["counts"]), row["category"], row["mask_index"], str(index))
        for index, row in enumerate(table.to_pylist())
    ]


def test_nothing_changed(pair):
    row, table, counts = corrected_rows(*pair, as_they_are(pair[1]), 3)
    assert counts == MaskCounts(kept=3)
    assert (row, table) == pair


def test_each_change_is_counted_and_marked(pair):
    good, leaking, _ = as_they_are(pair[1])
    redrawn = ReviewedMask(encode_mask(square(2, 2, 11)), "b", 1, "1")
    renamed = ReviewedMask(good.rle, "z", 0, "0")
    added = ReviewedMask(encode_mask(square(18, 8, 8)), None, None, "new")
    image, table, counts = corrected_rows(*pair, [renamed, redrawn, added], 3)
    assert counts == MaskCounts(redrawn=1, renamed=1, added=1, removed=1)
    assert image.masks == 3
    rows = table.to_pylist()
    assert [row["mask_index"] for row in rows] == [0, 1, 3]
    assert [row["category"] for row in rows] == ["z", "b", None]
    assert [row["made_by"] for row in rows] == [HUMAN] * 3
    assert [row["predicted_iou"] for row in rows] == pytest.approx([0.95, 1, 1])
    assert [row["review_id"] for row in rows] == [None, None, "new"]
    assert rows[1]["area"] == 121
    assert (rows[1]["x0"], rows[1]["y0"], rows[1]["x1"], rows[1]["y1"]) == (2, 2, 13, 13)
    assert rows[1]["outside_box"] == pytest.approx(21 / 121)
    assert rows[2]["outside_box"] is None
    assert rows[2]["prompt_box"] is None
    assert rows[0]["parent"] == 1  # numbers of masks, not positions
    assert rows[2]["parent"] == -1
    assert leaking.rle.counts == pair[1].to_pylist()[1]["counts"]


def test_a_class_that_is_not_said_stays(pair):
    reviewed = [ReviewedMask(mask.rle, None, mask.number) for mask in as_they_are(pair[1])]
    reviewed[1] = ReviewedMask(reviewed[1].rle, "object", 1)  # what formats write for a mask without a class
    assert corrected_rows(*pair, reviewed, 3)[2] == MaskCounts(kept=3)


def test_a_mask_that_the_format_could_not_show_exactly_is_kept(pair):
    def coarse(rle):
        return encode_mask(square(0, 0, 2)) if rle else rle

    masks = as_they_are(pair[1])
    shown = [ReviewedMask(coarse(mask.rle), mask.category, mask.number, unedited=coarse) for mask in masks]
    assert corrected_rows(*pair, shown, 3)[2] == MaskCounts(kept=3)


def test_an_erased_mask_is_removed(pair):
    masks = as_they_are(pair[1])
    masks[0] = ReviewedMask(encode_mask(square() & ~square()), "a", 0)
    assert corrected_rows(*pair, masks, 3)[2] == MaskCounts(kept=2, removed=1)
