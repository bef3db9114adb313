"""Numbers with units for people."""

from __future__ import annotations

import pytest

from samara.measurement.reporting.quantities import quantity, quantity_range, round_quantity, significant


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (15.234, "seconds", "15.2 s"),
        (0.0331, "seconds", "33.1 ms"),
        (0.99996, "seconds", "1.00 s"),
        (4e-5, "seconds", "40.0 µs"),
        (0.0, "seconds", "0.000 s"),
        (375_042_383, "bytes", "375 MB"),
        (2_564_550_879, "bytes", "2.56 GB"),
        (93_735_472, "parameters", "93.7 M"),
        (9.05e9, "floating-point operations", "9.05 GFLOP"),
        (0.5666, "fraction", "0.567"),
        (1640.9, "times", "1,641×"),
        (3.25, "J&F", "3.25 J&F"),
    ],
)
def test_three_digits_and_a_short_unit(value, unit, text):
    assert quantity(value, unit) == text


def test_ranges_share_a_unit_unless_they_span_several():
    assert quantity_range(0.15, 0.452, "seconds") == "150–452 ms"
    assert quantity_range(0.193, 1.294, "seconds") == "0.193–1.29 s"
    assert quantity_range(0.008, 2.0, "seconds", stated=True) == "8 ms–2 s"
    assert quantity_range(24e9, float("inf"), "bytes", stated=True) == "24+ GB"
    assert quantity_range(0.85, 0.9, "fraction") == "0.850–0.900"


def test_stated_numbers_are_not_made_more_precise_than_they_were():
    assert quantity_range(4e-3, 4e-3, "seconds", stated=True) == "4 ms"
    assert quantity_range(100e6, 100e6, "bytes", stated=True) == "100 MB"


@pytest.mark.parametrize(("value", "text"), [(9.996, "10.0"), (99.96, "100"), (0.9996, "1.00"), (12345, "12,345")])
def test_rounding_up_keeps_three_digits(value, text):
    assert significant(value) == text


def test_axes_have_round_numbers():
    assert [round_quantity(value, "seconds") for value in (0.03, 1, 30)] == ["30 ms", "1 s", "30 s"]
