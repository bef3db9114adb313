"""Cutting windows out of masks and joining masks, compared with arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samara.errors import SettingsError
from samara.masks.rle import encode_mask, place
from samara.masks.windows import cut, union


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1), st.data())
def test_a_window_is_a_slice(height, width, seed, data):
    mask = np.random.default_rng(seed).random((height, width)) < data.draw(st.sampled_from([0, 0.2, 0.7, 1]))
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x1, y1 = data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height))
    window = cut(encode_mask(mask), (x0, y0, x1, y1))
    assert window == encode_mask(mask[y0:y1, x0:x1])
    back = np.zeros_like(mask)
    back[y0:y1, x0:x1] = mask[y0:y1, x0:x1]
    assert place(window, height, width, x0, y0) == encode_mask(back)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_a_union_is_or(height, width, count, seed):
    random = np.random.default_rng(seed)
    masks = random.random((count, height, width)) < random.random((count, 1, 1))
    assert union([encode_mask(mask) for mask in masks]) == encode_mask(masks.any(axis=0))


def test_what_makes_no_sense_is_refused():
    square = encode_mask(np.ones((4, 4), bool))
    with pytest.raises(SettingsError, match="does not lie in a mask of 4 x 4"):
        cut(square, (0, 0, 5, 4))
    with pytest.raises(SettingsError, match="does not lie"):
        cut(square, (2, 2, 2, 3))
    with pytest.raises(SettingsError, match="At least one"):
        union([])
    with pytest.raises(SettingsError, match="within one image"):
        union([square, encode_mask(np.ones((3, 4), bool))])
