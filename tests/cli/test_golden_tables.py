"""Every command's tables at 80 and 120 columns are those that somebody looked at."""

from __future__ import annotations

import pytest

from tests.cli.golden_tables import FOLDER, TABLES, WIDTHS, file_of

# Commands and addresses to copy, which must not be broken.
MAY_BE_WIDER = ("  samara ", "http")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", TABLES)
def test_tables_are_as_they_were_looked_at(name, width):
    made = TABLES[name](width)
    assert f"{made}\n" == file_of(name, width).read_text(), "look at it, then run python -m tests.cli.golden_tables"
    for line in made.splitlines():
        assert len(line) <= width or any(one in line for one in MAY_BE_WIDER)


@pytest.mark.parametrize("name", TABLES)
def test_there_are_no_boxes(name):
    assert not set("┏┃│┡━─╭") & set(TABLES[name](80))


def test_no_file_is_left_over():
    assert {path.name for path in FOLDER.iterdir()} == {
        file_of(name, width).name for name in TABLES for width in WIDTHS
    }
