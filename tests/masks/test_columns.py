"""Columns and windows of masks, against the decoded mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from samara.masks.columns import columns_of, window_of
from samara.masks.rle import encode_mask
from tests.masks.strategies import NAMED, one_mask


@pytest.mark.parametrize("name", NAMED)
def test_awkward_masks(name):
    check(NAMED[name])


@given(one_mask())
def test_any_mask(mask):
    check(mask)


def check(mask):
    rle = encode_mask(mask)
    runs = columns_of(rle)
    painted = np.zeros_like(mask)
    for column, top, bottom in zip(runs.column, runs.top, runs.bottom, strict=True):
        assert not painted[max(top - 1, 0) : bottom + 1, column].any()  # runs do not touch
        painted[top:bottom, column] = True
    np.testing.assert_array_equal(painted, mask)
    assert sorted(zip(runs.column, runs.top, strict=True)) == list(zip(runs.column, runs.top, strict=True))
    x0, y0, x1, y1 = rle.box_xyxy
    window = window_of(rle)
    assert window.dtype == bool
    np.testing.assert_array_equal(window, mask[y0:y1, x0:x1])
