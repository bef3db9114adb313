"""Tables as values: what a cell shows, and what says nothing."""

from __future__ import annotations

import pytest

from samara.measurement.reporting.table import Cell, Row, Table


@pytest.mark.parametrize(
    ("cell", "text", "spread", "says_something"),
    [
        (Cell(), "–", "", False),
        (Cell(label="–"), "–", "", False),
        (Cell(label="16 × 16"), "16 × 16", "", True),
        (Cell(value=0.0, unit="fraction"), "0.000", "", True),
        (Cell(value=0.5, unit="fraction", low=0.4, high=0.6), "0.500", "0.400–0.600", True),
        (Cell(value=-0.5, unit="fraction, difference", low=-0.6, high=0.1), "−0.500", "−0.600 to +0.100", True),
    ],
)
def test_a_cell_shows_its_number(cell, text, spread, says_something):
    assert (cell.text, cell.spread, cell.says_something) == (text, spread, says_something)


def test_a_table_of_dashes_has_no_values():
    rows = (Row(("a",), (Cell(), Cell(label="–"))),)
    assert not Table("t", "T", "", ("who",), ("x", "y"), rows).has_values
    assert not Table("t", "T", "", ("who",), ("x", "y"), rows).is_text
    assert Table("t", "T", "", ("who",), ("x",), (Row(("a",), (Cell(label="b"),)),)).is_text
