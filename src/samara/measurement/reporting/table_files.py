"""Tables as files for papers and spreadsheets: CSV with plain numbers, LaTeX with intervals."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from samara.measurement.reporting.quantities import NOTHING
from samara.measurement.reporting.table import Cell, Row, Table
from samara.system.files import require_folder, write_atomically

RANDOM_WEIGHTS = "random weights"

# What LaTeX needs written differently.
_IN_LATEX = {
    "\\": r"\textbackslash{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "×": r"$\times$",
    "−": "$-$",
    "–": "--",
    "µ": r"$\mu$",
    "✗": r"$\times$",
    "✓": r"$\surd$",
    "“": "``",
    "”": "''",
    "…": r"\ldots{}",
    "±": r"$\pm$",
}


def write_tables(folder: Path, tables: Iterable[Table]) -> list[Path]:
    """Write tables as CSV and LaTeX; return the files.

    Args:
        folder: folder of the files, created if necessary.
        tables: the tables.

    Raises:
        OutputError: a file cannot be written.
    """
    require_folder(folder)
    written = []
    for table in tables:
        for ending, text in ((".csv", table_csv(table)), (".tex", table_latex(table))):
            # A name may be invalid Unicode; the file must not be.
            write_atomically(path := folder / f"{table.name}{ending}", text.encode("utf-8", errors="replace"))
            written.append(path)
    return written


def table_csv(table: Table) -> str:
    """Return a table as CSV: each number in its unit without rounding, then the ends of its interval.

    A column that has intervals is followed by its `low` and `high`. Texts are as shown.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    wide = [any(row.cells[index].low is not None for row in table.rows) for index in range(len(table.columns))]
    headings = [
        name
        for index, column in enumerate(table.columns)
        for name in _headings(_with_unit(table, index, column), has_interval=wide[index])
    ]
    writer.writerow([*table.heads, "weights", "machine", *headings])
    for row in table.rows:
        numbers = [value for cell, both in zip(row.cells, wide, strict=True) for value in _values(cell, both=both)]
        weights = RANDOM_WEIGHTS if row.is_random else ""
        writer.writerow([harmless(value) for value in (*row.heads, weights, row.place, *numbers)])
    return out.getvalue()


def harmless(value: object) -> object:
    """Keep spreadsheets from interpreting a name as a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _headings(name: str, *, has_interval: bool) -> list[str]:
    return [name, f"{name}, low", f"{name}, high"] if has_interval else [name]


def _with_unit(table: Table, index: int, column: str) -> str:
    units = {row.cells[index].unit.removesuffix(", difference") for row in table.rows if row.cells[index].unit}
    unit = units.pop() if len(units) == 1 else ""
    return f"{column} [{unit}]" if unit and unit not in ("fraction", column) else column


def _values(cell: Cell, *, both: bool) -> list[object]:
    own: object = cell.value if cell.label is None else cell.label if cell.label != NOTHING else None
    return [own, cell.low, cell.high] if both else [own]


def table_latex(table: Table) -> str:
    r"""Return a table as LaTeX: a `tabular` in the style of `booktabs`, in a `table` with caption and label.

    Intervals stand in brackets. The document needs `\usepackage{booktabs}`.
    """
    heads = [*table.heads, *table.columns]
    body = [_line([*_named(row), *map(_cell, row.cells)]) for row in table.rows]
    marked = r" $^\ast$ random weights." if any(row.is_random for row in table.rows) else ""
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{latex(table.title)}. {latex(table.caption)}{marked}}}",
        rf"  \label{{tab:{table.name}}}",
        rf"  \begin{{tabular}}{{{'l' * len(table.heads)}{'r' * len(table.columns)}}}",
        r"    \toprule",
        _line(map(latex, heads)),
        r"    \midrule",
        *body,
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _named(row: Row) -> list[str]:
    first, *others = map(latex, row.heads)
    return [rf"{first}$^\ast$" if row.is_random else first, *others]


def _cell(cell: Cell) -> str:
    text = latex(f"{cell.text} {cell.mark}".strip())
    return f"{text} [{latex(cell.spread)}]" if cell.spread and cell.value is not None else text


def _line(cells: Iterable[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"


def latex(text: str) -> str:
    """Escape text for LaTeX; letters that no font of LaTeX is sure to have become question marks."""
    escaped = "".join(_IN_LATEX.get(letter, letter) for letter in text)
    return "".join(letter if letter.isprintable() and ord(letter) < 0x250 else "?" for letter in escaped)
