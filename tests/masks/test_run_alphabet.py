"""COCO's alphabet, against pycocotools and against damage."""

from __future__ import annotations

import numpy as np
import pycocotools.mask as coco_mask
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samara.errors import SettingsError
from samara.masks.run_alphabet import compress_all, compress_runs, decompress_runs


@given(st.lists(st.integers(0, 1 << 33), min_size=1, max_size=30))
def test_numbers_come_back(runs):
    assert decompress_runs(compress_runs(np.array(runs, np.int64))).tolist() == runs


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30))
def test_the_text_is_that_of_pycocotools(runs):
    expected = coco_mask.frPyObjects({"size": [sum(runs), 1], "counts": runs}, sum(runs), 1)["counts"]
    assert compress_runs(np.array(runs, np.int64)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "must be compressed bytes"),
        ("text", "must be compressed bytes, not str"),
        (b"\x00", "character"),
        (b"\xff", "character"),
        (b"0P", "truncated"),
        (b"PPPPPPPP0", "too large for any image"),
    ],
)
def test_damage_is_one_sentence(text, message):
    with pytest.raises(SettingsError, match=message):
        decompress_runs(text)


@given(st.binary(max_size=40))
def test_random_text_is_read_or_refused(text):
    try:
        runs = decompress_runs(text)
    except SettingsError:
        return
    assert runs.dtype == np.int64


def test_many_masks_are_written_as_each_alone():
    generator = np.random.default_rng(3)
    masks = [generator.integers(0, 5000, count) for count in (1, 2, 3, 4, 5, 1, 40, 3)]
    assert compress_all(masks) == [compress_runs(runs) for runs in masks]
