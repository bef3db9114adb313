"""Brush strokes are read: ours, those of label-studio-sdk, and damaged ones as an error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from samara.datasets.reading.brush_rle import mask_of_brush
from samara.datasets.writing.brush_rle import brush_rle
from samara.errors import DatasetError
from samara.masks.rle import encode_mask
from tests.datasets.writing.test_brush_rle import THEIRS
from tests.masks.strategies import one_mask


@pytest.mark.parametrize("case", THEIRS, ids=lambda case: str(case["size"]))
def test_label_studios_are_read(case):
    mask = np.array([pixel == "#" for pixel in case["pixels"]]).reshape(case["size"])
    assert mask_of_brush(case["rle"], *case["size"]) == encode_mask(mask)


@given(one_mask())
def test_ours_are_read(mask):
    assert mask_of_brush(brush_rle(encode_mask(mask)), *mask.shape) == encode_mask(mask)


def packed(alphas):
    """A stream of values that do not repeat, as a smoothed edge has them: written bit by bit from the description."""
    values = [value for alpha in alphas for value in (7, 8, 9, alpha)]
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    bits += "0" + "10" + f"{len(values) - 1:08b}" + "".join(f"{value:08b}" for value in values)
    bits += "0" * (-len(bits) % 8)
    return list(int(bits, 2).to_bytes(len(bits) // 8, "big"))


def test_a_pixel_is_inside_if_half_of_it_is_covered():
    mask = mask_of_brush(packed([0, 127, 128, 255]), 1, 4)
    assert mask.decode().tolist() == [[False, False, True, True]]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-3], "ends early"),
        (lambda data: [], "ends early"),
        (lambda data: "text", "ends early"),
        (lambda data: [300, *data], "not a list of bytes"),
        (lambda data: [None, *data], "not a list of bytes"),
        (lambda data: [0, 0, 0, 99, *data[4:]], "has 99 values"),
    ],
)
def test_damage_is_told(damage, message):
    with pytest.raises(DatasetError, match=message):
        mask_of_brush(damage(packed([0, 127, 128, 255])), 1, 4)
