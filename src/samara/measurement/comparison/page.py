"""Comparison as a self-contained page: the answer with three charts, then tables and images, folded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from samara.measurement.comparison.answer import PlaceAnswer, answers
from samara.measurement.comparison.charts import Scatter, bars, leading_scatter, published_scatters, scatters
from samara.measurement.comparison.comparison import Comparison, DeviceOfMachine, device_of_record, printable
from samara.measurement.comparison.differences import Difference
from samara.measurement.comparison.grids import grid_of
from samara.measurement.comparison.missing import left_open
from samara.measurement.comparison.panels import PanelRow, colours
from samara.measurement.evaluation.settings import DOMAIN
from samara.measurement.reporting.quantities import NOTHING, quantity
from samara.measurement.reporting.table import Table
from samara.segmentation.drawing.difference import MISSED, RIGHT, TOO_MUCH
from samara.system.extras import require
from samara.system.files import write_atomically
from samara.system.templates import EXTRA, template

if TYPE_CHECKING:
    from samara.measurement.comparison.row_chart import RowChart


@dataclass(frozen=True)
class MachineFacts:
    """Facts that the page shows about a place: its name, then facts by name."""

    title: str
    facts: dict[str, str]


@dataclass(frozen=True)
class PlaceView:
    """What the page shows first of a place: the answer and up to three charts."""

    answer: PlaceAnswer
    scatter: Scatter | None
    times: RowChart | None
    memory: RowChart | None

    @property
    def has_charts(self) -> bool:
        """Whether there is any chart."""
        return bool(self.scatter or self.times or self.memory)


def require_page() -> None:
    """Raise MissingExtra unless the page's dependencies are installed."""
    require("jinja2", EXTRA, "a comparison's page")
    require("matplotlib", EXTRA, "a comparison's page")


def write_comparison_page(
    path: Path,
    comparison: Comparison,
    tables: Sequence[Table],
    images: Sequence[PanelRow] = (),
    remark: str = "",
    differences: Sequence[Difference] = (),
) -> None:
    """Write the page, completely or not at all.

    Raises:
        MissingExtra: Jinja2 or matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    # A file name may be invalid Unicode; the page must not be.
    page = comparison_page(comparison, tables, images, remark, differences)
    write_atomically(path, page.encode("utf-8", errors="replace"))


def comparison_page(
    comparison: Comparison,
    tables: Sequence[Table],
    images: Sequence[PanelRow] = (),
    remark: str = "",
    differences: Sequence[Difference] = (),
) -> str:
    """Render the page as HTML; see `write_comparison_page`."""
    require_page()
    from samara.measurement.comparison.row_chart import NARROW, row_chart_svg
    from samara.measurement.comparison.scatter_chart import scatter_svg

    several_charts = (*scatters(comparison), *published_scatters(comparison))
    return template("measurement/comparison/comparison.html.j2").render(
        comparison=comparison,
        tables=tables,
        images=images,
        remark=remark,
        legend=colours({"right": RIGHT, "missed": MISSED, "too much": TOO_MUCH}),
        places=(places := place_views(comparison, differences)),
        kinds=_kinds(comparison.domains),
        # Without charts, the paired differences are what there is to see.
        unfolded="" if any(view.has_charts for view in places) else "differences",
        several=len(comparison.places) > 1,
        scatters=several_charts if len(several_charts) > 1 else (),
        bars=bars(comparison),
        row_chart_svg=partial(row_chart_svg, layout=NARROW),
        scatter_svg=scatter_svg,
        machines=[machine_facts(comparison, place) for place in comparison.places],
        left_open=left_open(comparison),
    )


def _kinds(domains: Sequence[str]) -> str:
    if not domains:
        return ""
    return ", with quality" if tuple(domains) == (DOMAIN,) else f", quality on {', '.join(domains)} images"


def place_views(comparison: Comparison, differences: Sequence[Difference]) -> list[PlaceView]:
    """Return what the page shows first of each place."""
    from samara.measurement.comparison.row_chart import memory_charts, time_charts

    times = {chart.place: chart for chart in time_charts(comparison)}
    memory = {chart.place: chart for chart in memory_charts(comparison)}
    return [
        PlaceView(answer, leading_scatter(comparison, place), times.get(place.title), memory.get(place.title))
        for answer, place in zip(answers(comparison, differences), comparison.places, strict=True)
    ]


def machine_facts(comparison: Comparison, place: DeviceOfMachine) -> MachineFacts:
    """Return the known facts about a place, and the dates and commits of its measurements."""
    records = [record for record in comparison.records if device_of_record(record).identity == place.identity]
    machine, whens = place.machine, sorted(record.when for record in records)
    versions = {f"{name} {version}": None for record in records for name, version in record.versions.items()}
    commits = {record.commit or "outside a repository": None for record in records}
    threads = {str(record.settings["threads"]): None for record in records if "threads" in record.settings}
    grids = {grid_of(record): None for record in records if "points_per_side" in record.settings}
    gpus = ", ".join(str(gpu.get("name")) for gpu in machine.get("gpus") or [])
    facts = {
        "processor": f"{machine.get('processor', 'unknown')}, {machine.get('cores', '?')} cores",
        "instruction sets": ", ".join(machine.get("instruction_sets") or []),
        "memory": quantity(machine["memory_bytes"], "bytes") if machine.get("memory_bytes") else "",
        "GPUs": gpus,
        "system": str(machine.get("system", "")),
        "threads": ", ".join(threads),
        "grid of everything": ", ".join(grid for grid in grids if grid != NOTHING),
        "versions": ", ".join(versions),
        "commit of samara": ", ".join(commits),
        "measured": f"{whens[0]} to {whens[-1]}, {len(records)} records",
    }
    return MachineFacts(place.title, {name: printable(value) for name, value in facts.items() if value})
