"""Charts and tables of a comparison as single files: SVG and PDF, CSV and LaTeX."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from samara.measurement.comparison.charts import Scatter, published_scatters, scatters
from samara.measurement.comparison.comparison import Comparison
from samara.measurement.reporting.chart_files import Drawing, plain_name, write_charts
from samara.measurement.reporting.table import Table
from samara.measurement.reporting.table_files import write_tables

CHARTS, TABLES = "charts", "tables"
"""Names of the folders."""


def write_exports(folder: Path, comparison: Comparison, tables: Sequence[Table]) -> list[Path]:
    """Write every chart and table of a comparison as files of their own; return the files.

    Args:
        folder: folder of the comparison, which gets the folders `charts` and `tables`.
        comparison: the comparison.
        tables: its tables.

    Raises:
        OutputError: a file cannot be written.
    """
    return [*write_tables(folder / TABLES, tables), *write_charts(folder / CHARTS, drawings(comparison))]


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


def _numbered(charts: Sequence[Drawing]) -> list[Drawing]:
    """Give charts of the same name, of several machines, numbers from 2."""
    seen: Counter[str] = Counter()
    made = []
    for one in charts:
        seen[one.name] += 1
        made.append(one if seen[one.name] == 1 else replace(one, name=f"{one.name}-{seen[one.name]}"))
    return made
