"""What deserves a look first: the gravest of each kind, and what could not be told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from samara.annotation.report.looks import LOWEST, Greatest, Looks
from tests.annotation.review.stores import LIMITS, store_of


def looks_at(store, **settings):
    looks = Looks(replace(LIMITS, **settings))
    return looks, [looks.add(row, table) for row, table in store.tables()]


@pytest.fixture
def store(tmp_path):
    return store_of(tmp_path, ("good", "unsure"), None, (), ("leaking", "small"), ("good",), classes=["a", None])


def test_masks_are_chosen_by_doubt(store):
    looks, images = looks_at(store)
    chosen = [(look.image_id, look.number, look.titles) for look in looks.masks()]
    assert chosen[0] == (1, 1, ("low predicted IoU", "near duplicate"))
    assert (4, 0, ("leaks out of its box",)) in chosen
    assert chosen[-1] == (5, 0, (LOWEST,))
    assert looks.doubtful_masks == 4
    assert looks.doubtful_images == 3
    assert looks.by_reason["near duplicate"] == 2
    assert [(image.titles, image.doubtful) for image in images] == [
        (("low predicted IoU", "near duplicate"), 2),
        ((), 0),
        (("no mask",), 0),
        (("leaks out of its box", "fills little of its box"), 2),
        ((), 0),
    ]
    assert images[0].categories == ("a",)
    assert images[0].lowest_iou == pytest.approx(0.35)


def test_few_are_kept_of_many(tmp_path, monkeypatch):
    from samara.annotation.report import looks as room

    monkeypatch.setattr(room, "MASKS_OF_ALL", 2)
    monkeypatch.setattr(room, "MASKS_PER_REASON", 1)
    looks, _ = looks_at(store_of(tmp_path, *[("unsure",)] * 5, ("leaking",)))
    assert [(look.image_id, look.titles[0]) for look in looks.masks()] == [
        (1, "low predicted IoU"),
        (2, "low predicted IoU"),
        (6, "leaks out of its box"),
    ]


def test_what_is_not_recorded_is_said(store, tmp_path):
    assert dict(looks_at(store)[0].unknown()) == {"low stability": "recorded for automatic masks only"}
    automatic = store_of(tmp_path / "other", ("good",), boxes=False)
    unknown = dict(looks_at(automatic)[0].unknown())
    assert unknown["leaks out of its box"] == "the prompts have no boxes"
    assert unknown["answers disagree"].startswith("recorded for prompts alone")


def test_a_store_of_an_earlier_version_is_looked_at(store):
    from pyarrow import parquet

    from samara.annotation.store.shard_files import read_table

    new = ["answer_iou", "parts", "outside_box", "box_filled", "twin_iou", "made_by", "review_id"]
    for path in (store.folder / "shards").glob("*.masks.parquet"):
        parquet.write_table(read_table(path).drop_columns(new), path)
    looks, _ = looks_at(store)
    assert "earlier version" in dict(looks.unknown())["many parts"]
    assert next(look.titles for look in looks.masks()) == ("low predicted IoU",)


def test_the_greatest_are_kept_and_the_first_of_equal_ones():
    few = Greatest(2)
    for place, value in enumerate([1.0, 3.0, 2.0, 3.0, 3.0]):
        few.add(value, (place,), place)
    assert list(few) == [1, 3]
