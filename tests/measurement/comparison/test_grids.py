"""The grid of everything: stated for what has one."""

from __future__ import annotations

import pytest

from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.grids import grid_of_recall, grid_of_speed
from tests.measurement.comparison.samples import number, subject


@pytest.mark.parametrize(
    ("variant", "settings", "shown"),
    [
        ("vit_t", {"points_per_side": 16}, "16 × 16"),
        ("vit_t", {}, "–"),
        ("yolo11n_seg", {"points_per_side": 16}, "one pass"),
        ("fastsam_s", {"points_per_side": None}, "one pass"),
    ],
)
def test_a_grid_is_that_of_the_record(variant, settings, shown):
    who = subject("a", variant=variant)
    records = (
        number(who, "everything_seconds", 1.0, settings=settings),
        number(who, "average_recall", 0.5, domain="cells", settings=settings),
    )
    (one,) = Comparison(records).contenders
    assert (grid_of_speed(one), grid_of_recall(one, "cells"), grid_of_recall(one, "stars")) == (shown, shown, "–")
