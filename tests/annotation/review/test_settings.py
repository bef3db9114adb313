"""Limits of doubt: refused where they mean nothing."""

from __future__ import annotations

import pytest

from samara.annotation.review.settings import ReviewSettings
from samara.errors import SettingsError


@pytest.mark.parametrize(
    ("name", "value"), [("predicted_iou", 1.1), ("outside_box", -0.1), ("twin_iou", 0.5), ("parts", -1), ("most", 0)]
)
def test_values_out_of_range_are_refused(name, value):
    with pytest.raises(SettingsError, match=f"{name} is {value}"):
        ReviewSettings(**{name: value})
