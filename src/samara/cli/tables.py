"""Tables for a terminal: one line per row, no box, and only the columns that fit."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GAP = 2
"""Blanks between columns."""

NARROWEST_TEXT = 8
"""A text column that has to give way keeps at least this many characters."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        title: short heading.
        right: whether its cells are aligned to the right, as numbers are.
        rank: 0 for a column that is always shown; of the others, the highest gives way first.
        keeps_end: whether text that has to be cut keeps its end, as paths do.
    """

    title: str
    right: bool = False
    rank: int = 0
    keeps_end: bool = False


def terminal_width() -> int:
    """Return the columns of the terminal; 80 if nobody knows."""
    return shutil.get_terminal_size().columns


def filled(text: str, width: int, *, below: str = "") -> str:
    """Wrap a sentence, without breaking options, names or paths, with `below` before all lines but the first."""
    return textwrap.fill(text, width, subsequent_indent=below, break_on_hyphens=False, break_long_words=False)


def text_table(columns: Sequence[Column], rows: Iterable[Sequence[str]], *, width: int, rest: str) -> str:
    """Format a table, leaving out columns that do not fit and saying so.

    Args:
        columns: the columns, in order.
        rows: the cells of each row, one for each column.
        width: columns of the terminal.
        rest: where to find what is left out, e.g. "--json".
    """
    cells = [[_plain(cell) for cell in row] for row in rows]
    widths = [max(len(text) for text in (column.title, *texts)) for column, texts in _by_column(columns, cells)]
    shown = _fitting(columns, widths, width)
    narrowed = _narrowed(columns, widths, shown, width)
    lines = [_line([columns[index].title for index in shown], columns, shown, narrowed)]
    lines += [_line([row[index] for index in shown], columns, shown, narrowed) for row in cells]
    told = _left_out(columns, widths, shown, narrowed, rest)
    return "\n".join([*lines, *(filled(sentence, width) for sentence in told)])


def _plain(cell: str) -> str:
    """Return text of one line, without the control characters that a file's name may hold."""
    return "".join(one if one.isprintable() else "?" for one in " ".join(cell.split()))


def _by_column(columns: Sequence[Column], cells: list[list[str]]) -> Iterable[tuple[Column, list[str]]]:
    return ((column, [row[index] for row in cells]) for index, column in enumerate(columns))


def _fitting(columns: Sequence[Column], widths: Sequence[int], width: int) -> list[int]:
    """Return the columns to show: all, without those of the highest rank until the rest fits."""
    shown = list(range(len(columns)))
    while _total(widths, shown) > width:
        least = max(shown, key=lambda index: (columns[index].rank, index))
        if columns[least].rank == 0:
            break
        shown.remove(least)
    return shown


def _total(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[index] for index in shown) + GAP * (len(shown) - 1)


def _narrowed(columns: Sequence[Column], widths: Sequence[int], shown: Sequence[int], width: int) -> list[int]:
    """Return the widths, with the widest columns of text cut until the table fits."""
    narrowed = list(widths)
    while _total(narrowed, shown) > width:
        texts = [index for index in shown if not columns[index].right and narrowed[index] > NARROWEST_TEXT]
        if not texts:
            break
        narrowed[max(texts, key=narrowed.__getitem__)] -= 1
    return narrowed


def _line(cells: Sequence[str], columns: Sequence[Column], shown: Sequence[int], widths: Sequence[int]) -> str:
    parts = []
    for cell, index in zip(cells, shown, strict=True):
        room = widths[index]
        text = cell if len(cell) <= room else _cut(cell, room, keeps_end=columns[index].keeps_end)
        parts.append(text.rjust(room) if columns[index].right else text.ljust(room))
    return (" " * GAP).join(parts).rstrip()


def _cut(text: str, room: int, *, keeps_end: bool) -> str:
    return f"…{text[len(text) - room + 1 :]}" if keeps_end else f"{text[: room - 1]}…"


def _left_out(
    columns: Sequence[Column], widths: Sequence[int], shown: Sequence[int], narrowed: Sequence[int], rest: str
) -> list[str]:
    hidden = [column.title for index, column in enumerate(columns) if index not in shown]
    told = [f"Not shown: {', '.join(hidden)}; see {rest}."] if hidden else []
    if any(narrowed[index] < widths[index] for index in shown):
        told.append(f"… is text cut to fit; see {rest}.")
    return told
