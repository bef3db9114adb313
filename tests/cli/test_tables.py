"""Tables for a terminal: one line per row, within the width, and nothing left out in silence."""

from __future__ import annotations

import pytest

from samara.cli.tables import Column, text_table

COLUMNS = (Column("name"), Column("first", right=True), Column("second", right=True, rank=1), Column("third", rank=2))
ROWS = [("a_long_name_of_a_checkpoint", "1.25", "22,222", "yes"), ("b", "10.5", "-", "two\nlines")]


def test_everything_is_shown_where_it_fits():
    assert text_table(COLUMNS, ROWS, width=80, rest="--json") == (
        "name                         first  second  third\n"
        "a_long_name_of_a_checkpoint   1.25  22,222  yes\n"
        "b                             10.5       -  two lines"
    )


def test_the_least_important_columns_give_way_and_are_named():
    assert text_table(COLUMNS, ROWS, width=45, rest="--json") == (
        "name                         first  second\n"
        "a_long_name_of_a_checkpoint   1.25  22,222\n"
        "b                             10.5       -\n"
        "Not shown: third; see --json."
    )


def test_text_is_cut_at_last_and_said_to_be():
    assert text_table(COLUMNS, ROWS, width=20, rest="table.csv") == (
        "name           first\n"
        "a_long_name_…   1.25\n"
        "b               10.5\n"
        "Not shown: second,\n"
        "third; see\n"
        "table.csv.\n"
        "… is text cut to\n"
        "fit; see table.csv."
    )


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_row_is_wider_than_the_terminal(width):
    lines = text_table(COLUMNS, ROWS, width=width, rest="--json").splitlines()
    assert max(map(len, lines[:3])) <= width
    assert len(lines[:3]) == 1 + len(ROWS)


def test_a_table_without_rows_has_its_heading():
    assert text_table(COLUMNS, [], width=80, rest="--json") == "name  first  second  third"


def test_paths_are_cut_at_their_beginning():
    columns = (Column("file", keeps_end=True), Column("records", right=True))
    shown = text_table(columns, [("/home/me/cells/comparison/records.jsonl", "5")], width=30, rest="--json")
    assert shown.splitlines()[1] == "…arison/records.jsonl        5"


def test_control_characters_do_not_reach_the_terminal():
    assert "\x1b" not in text_table((Column("name"),), [("red\x1b[31m\n\x07",)], width=80, rest="--json")
