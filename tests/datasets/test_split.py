"""Which image is in which part follows from its name alone; no part is empty."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samara.datasets.split import Split, read_split
from samara.errors import OutputError, SettingsError

THREE = Split(train=0.8, val=0.1, test=0.1)
STEMS = [f"folder/{number}" for number in range(2000)]


def test_shares_are_about_as_asked():
    counts = Counter(map(THREE.part_of, STEMS))
    assert counts["val"] == pytest.approx(200, abs=50)
    assert counts["test"] == pytest.approx(200, abs=50)
    assert set(map(Split(train=0.9, val=0.1).part_of, STEMS)) == {"train", "val"}


def test_a_test_part_takes_nothing_from_validation():
    two = Split(train=0.9, val=0.1)
    assert [stem for stem in STEMS if two.part_of(stem) == "val"] == [
        stem for stem in STEMS if THREE.part_of(stem) == "val"
    ]


def test_the_parts_are_these_for_good():
    # On every machine and in every version: what was validated with yesterday is not trained with today.
    split = Split(train=0.5, val=0.25, test=0.25)
    assert [split.part_of(stem) for stem in ("a", "b", "sub/a", "half \udce9")] == ["train", "train", "val", "test"]


@given(st.lists(st.integers(0, 999).map(str), unique=True, max_size=12))
def test_no_part_is_left_empty(stems):
    if len(stems) < len(THREE.parts):
        if len({*map(THREE.part_of, stems)}) < len(THREE.parts):
            with pytest.raises(OutputError, match=f"needs at least 3 images, but there are {len(stems)}"):
                THREE.moved(stems)
        return
    moved = THREE.moved(stems)
    assert moved == THREE.moved(stems[::-1])
    assert {moved.get(stem) or THREE.part_of(stem) for stem in stems} == {"train", "val", "test"}
    assert len(moved) == len({"train", "val", "test"} - {*map(THREE.part_of, stems)})


def test_nothing_moves_without_need():
    assert THREE.moved(STEMS) == {}


def test_what_users_write():
    assert read_split("0.25") == Split(train=0.75, val=0.25)
    assert read_split("train=0.8, val=0.1,test=0.1") == THREE
    assert read_split("val=0.2,train=0.8") == Split(train=0.8, val=0.2)
    assert str(THREE) == "train=0.8,val=0.1,test=0.1"


@pytest.mark.parametrize("text", ["", "x", "0", "1", "1.5", "-0.1", "nan", "train=0.8", "train=0.8,val=0.1", "0.8,0.2"])
def test_what_is_not_accepted(text):
    with pytest.raises(SettingsError):
        read_split(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("train=0.5,val=0.4", "sum to 0.9; they must sum to 1"),
        ("train=0.9,vla=0.1", "write the share of validation, such as 0.1, or train="),
        ("train=0.5,train=0.5,val=0.5", "is not understood"),
        ("train=1,val=0", "train and val must be more than 0"),
        ("train=0.6,val=0.6,test=-0.2", "test at least 0"),
    ],
)
def test_why_not(text, why):
    with pytest.raises(SettingsError, match=why):
        read_split(text)
