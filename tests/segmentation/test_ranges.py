"""Ranges: their ends are allowed, None always, NaN never."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from samara.errors import SettingsError
from samara.segmentation.ranges import check_ranges

RANGES = {"share": (0, 1), "count": (1, math.inf)}


@pytest.mark.parametrize(("share", "count"), [(0, 1), (1, 10**9), (0.5, math.inf), (None, None)])
def test_within(share, count):
    check_ranges(SimpleNamespace(share=share, count=count), RANGES)


@pytest.mark.parametrize(
    ("share", "count", "sentence"),
    [
        (1.5, 1, "share is 1.5; it must be between 0 and 1"),
        (math.nan, 1, "share is nan; it must be between 0 and 1"),
        (0, 0, "count is 0; it must be at least 1"),
    ],
)
def test_outside(share, count, sentence):
    with pytest.raises(SettingsError) as raised:
        check_ranges(SimpleNamespace(share=share, count=count), RANGES)
    assert str(raised.value) == sentence
