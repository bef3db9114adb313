"""Intervals: of images, the same on every call, and wider where images differ."""

from __future__ import annotations

import numpy as np
import pytest

from samara.datasets.bootstrap import interval_of_mean


def test_equal_images_leave_no_doubt():
    assert interval_of_mean([[0.5, 0.7]] * 4) == pytest.approx((0.6, 0.6))


def test_a_single_image_has_none():
    assert interval_of_mean([[0.1, 0.9]]) is None


def test_images_are_drawn_with_all_their_objects():
    rng = np.random.default_rng(0)
    spread = [[value] * 20 for value in rng.uniform(0, 1, 30)]
    low, high = interval_of_mean(spread)
    expected = 1.96 * np.std([one[0] for one in spread]) / np.sqrt(30)
    assert (high - low) / 2 == pytest.approx(expected, rel=0.1)  # not by 600 independent objects
    assert interval_of_mean(spread) == (low, high)
