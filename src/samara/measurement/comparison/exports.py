"""Charts and tables of a comparison as single files: SVG and PDF, CSV and LaTeX."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from samara.measurement.comparison.charts import Scatter, published_scatters, scatters
from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.table_files import table_csv, table_latex
from samara.measurement.comparison.tables import Table
from samara.system.files import require_folder, write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHARTS, TABLES = "charts", "tables"
"""Names of the folders."""


@dataclass(frozen=True)
class Drawing:
    """Chart as a file.

    Attributes:
        name: name of the file without ending.
        description: description for screen readers.
        draw: what draws it.
        tips: tooltips, see `samara.measurement.comparison.drawing.as_svg`.
    """

    name: str
    description: str
    draw: Callable[[], Axes]
    tips: Sequence[str] = ()


def write_exports(folder: Path, comparison: Comparison, tables: Sequence[Table]) -> list[Path]:
    """Write every chart and table of a comparison as files of their own; return the files.

    Args:
        folder: folder of the comparison, which gets the folders `charts` and `tables`.
        comparison: the comparison.
        tables: its tables.

    Raises:
        OutputError: a file cannot be written.
    """
    require_folder(folder / TABLES)
    written = []
    for table in tables:
        for ending, text in ((".csv", table_csv(table)), (".tex", table_latex(table))):
            written.append(_write(folder / TABLES / f"{table.name}{ending}", text.encode("utf-8", errors="replace")))
    return [*written, *write_charts(folder / CHARTS, drawings(comparison))]


def write_charts(folder: Path, charts: Iterable[Drawing]) -> list[Path]:
    """Write charts as SVG and PDF; return the files.

    Args:
        folder: folder of the files, created if necessary.
        charts: the charts.

    Raises:
        OutputError: a file cannot be written.
    """
    from samara.measurement.comparison.drawing import as_pdf, as_svg, drawn_alike

    require_folder(folder)
    written = []
    for one in charts:
        with drawn_alike():
            svg, pdf = as_svg(one.draw(), one.description, one.tips, standalone=True), as_pdf(one.draw())
        written.append(_write(folder / f"{one.name}.svg", svg.encode("utf-8", errors="replace")))
        written.append(_write(folder / f"{one.name}.pdf", pdf))
    return written


def drawings(comparison: Comparison) -> list[Drawing]:
    """Return the charts of a comparison."""
    from samara.measurement.comparison.row_chart import memory_charts, row_chart_axes, time_charts
    from samara.measurement.comparison.scatter_chart import drawn_axes, tips_of

    rows = (("times", time_charts(comparison)), ("memory", memory_charts(comparison)))
    made = [
        Drawing(name, f"{chart.title} on {chart.place}", partial(row_chart_axes, chart))
        for name, charts in rows
        for chart in charts
    ]
    made += [
        Drawing(
            f"quality-{_plain(chart)}",
            f"{chart.title} against seconds on {chart.place}",
            partial(drawn_axes, chart),
            tips_of(chart),
        )
        for chart in (*scatters(comparison), *published_scatters(comparison))
    ]
    return _numbered(made)


def _plain(scatter: Scatter) -> str:
    return "published" if scatter.note else plain_name(scatter.title)


def plain_name(text: str) -> str:
    """Return a text as part of a file name: lower-case letters, digits, dots and dashes."""
    return re.sub(r"[^a-z0-9_.]+", "-", text.lower()).strip("-.") or "images"


def _numbered(charts: Sequence[Drawing]) -> list[Drawing]:
    """Give charts of the same name, of several machines, numbers from 2."""
    seen: Counter[str] = Counter()
    made = []
    for one in charts:
        seen[one.name] += 1
        made.append(one if seen[one.name] == 1 else replace(one, name=f"{one.name}-{seen[one.name]}"))
    return made


def _write(path: Path, content: bytes) -> Path:
    write_atomically(path, content)
    return path
