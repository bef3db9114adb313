"""Brush strokes: a reader written from the format's description; it also reads what label-studio-sdk wrote."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from samara.datasets.writing.brush_rle import brush_rle
from samara.errors import OutputError
from samara.masks.rle import Rle, encode_mask
from tests.masks.strategies import NAMED, one_mask

# Made by label-studio-sdk 2.0.13, `converter.brush.mask2rle`, whose `decode_rle` also read 404 masks of ours.
THEIRS = json.loads((Path(__file__).parent / "brush_rle_by_label_studio.json").read_text())


def decoded(packed, shape):
    """RGBA values as (H, W, 4); see the docstring of `samara.datasets.writing.brush_rle`."""
    bits = iter(np.unpackbits(np.array(packed, np.uint8)).tolist())

    def number(count):
        value = 0
        for _ in range(count):
            value = 2 * value + next(bits)
        return value

    total, value_bits = number(32), number(5) + 1
    length_bits = [number(4) + 1 for _ in range(4)]
    values = []
    while len(values) < total:
        is_run = number(1)
        length = number(length_bits[number(2)]) + 1
        values += [number(value_bits)] * length if is_run else [number(value_bits) for _ in range(length)]
    assert len(values) == total
    assert all(bit == 0 for bit in bits)
    return np.array(values).reshape(*shape, 4)


@pytest.mark.parametrize("case", THEIRS, ids=lambda case: str(case["size"]))
def test_the_reader_reads_label_studios(case):
    mask = np.array([pixel == "#" for pixel in case["pixels"]]).reshape(case["size"])
    np.testing.assert_array_equal(decoded(case["rle"], case["size"]), np.repeat(mask[..., None], 4, 2) * 255)


def check(mask):
    packed = brush_rle(encode_mask(mask))
    assert all(type(byte) is int and 0 <= byte <= 255 for byte in packed)
    np.testing.assert_array_equal(decoded(packed, mask.shape), np.repeat(mask[..., None], 4, 2) * 255)


@pytest.mark.parametrize("name", sorted(set(NAMED) - {"wider than 16 bits", "higher than 16 bits"}))
def test_awkward_masks(name):
    check(NAMED[name])


@given(one_mask())
def test_any_mask(mask):
    check(mask)


def test_runs_longer_than_the_longest():
    mask = np.zeros((300, 400), bool)
    mask[20:250] = True
    check(mask)


def test_images_beyond_the_format():
    rle = Rle.from_edges(np.array([0, 1]), 1 << 15, 1 << 15)
    with pytest.raises(OutputError, match=r"too large for Label Studio's run lengths; choose polygons"):
        brush_rle(rle)
