"""Comparison as a self-contained page: tables, charts and images, without network access."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from samara.measurement.comparison.charts import bars, not_drawn, published_scatters, scatters
from samara.measurement.comparison.comparison import Comparison, DeviceOfMachine, device_of_record, printable
from samara.measurement.comparison.missing import left_open
from samara.measurement.comparison.panels import PanelRow, colours
from samara.measurement.comparison.quantities import quantity, quantity_range
from samara.measurement.comparison.tables import Table
from samara.measurement.published.figures import Figure, published_for
from samara.measurement.published.guide_claims import STATEMENTS, Claim, claims_for
from samara.measurement.published.record import PUBLISHED_METRICS
from samara.measurement.published.sources import SOURCES
from samara.measurement.records.environment import now
from samara.segmentation.drawing.difference import MISSED, RIGHT, TOO_MUCH
from samara.system.extras import require
from samara.system.files import write_atomically
from samara.system.templates import EXTRA, template


@dataclass(frozen=True)
class MachineFacts:
    """Facts that the page shows about a place: its name, then facts by name."""

    title: str
    facts: dict[str, str]


@dataclass(frozen=True)
class Said:
    """Published value of one number of a checkpoint."""

    checkpoint: str
    what: str
    value: str
    by: str
    url: str
    conditions: str


@dataclass(frozen=True)
class Judged:
    """Claim of the guide with its judgement."""

    checkpoint: str
    what: str
    value: str
    where: str
    verdict: str
    because: str


def require_page() -> None:
    """Raise MissingExtra unless the page's dependencies are installed."""
    require("jinja2", EXTRA, "a comparison's page")
    require("matplotlib", EXTRA, "a comparison's page")


def write_comparison_page(
    path: Path, comparison: Comparison, tables: Sequence[Table], images: Sequence[PanelRow] = (), remark: str = ""
) -> None:
    """Write the page, completely or not at all.

    Raises:
        MissingExtra: Jinja2 or matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    # A file name may be invalid Unicode; the page must not be.
    write_atomically(path, comparison_page(comparison, tables, images, remark).encode("utf-8", errors="replace"))


def comparison_page(
    comparison: Comparison, tables: Sequence[Table], images: Sequence[PanelRow] = (), remark: str = ""
) -> str:
    """Render the page as HTML; see `write_comparison_page`."""
    require_page()
    from samara.measurement.comparison.scatter_chart import scatter_svg
    from samara.measurement.comparison.time_chart import time_chart_svg, time_charts

    names = list(dict.fromkeys(one.checkpoint for one in comparison.contenders))
    return template("measurement/comparison/comparison.html.j2").render(
        comparison=comparison,
        tables=tables,
        images=images,
        remark=remark,
        legend=colours({"right": RIGHT, "missed": MISSED, "too much": TOO_MUCH}),
        time_charts=time_charts(comparison),
        scatters=scatters(comparison),
        published_scatters=published_scatters(comparison),
        not_drawn=not_drawn(comparison),
        bars=bars(comparison),
        time_chart_svg=time_chart_svg,
        scatter_svg=scatter_svg,
        machines=[machine_facts(comparison, place) for place in comparison.places],
        left_open=left_open(comparison),
        figures=[_said(figure) for name in names for figure in published_for(name)],
        claims=[_judged(claim) for name in names for claim in claims_for(name)],
        statements=STATEMENTS,
        rendered=now(),
    )


def machine_facts(comparison: Comparison, place: DeviceOfMachine) -> MachineFacts:
    """Return the known facts about a place, and the dates and commits of its measurements."""
    records = [record for record in comparison.records if device_of_record(record).identity == place.identity]
    machine, whens = place.machine, sorted(record.when for record in records)
    versions = {f"{name} {version}": None for record in records for name, version in record.versions.items()}
    commits = {record.commit or "outside a repository": None for record in records}
    threads = {str(record.settings["threads"]): None for record in records if "threads" in record.settings}
    grids = {
        str(record.settings["points_per_side"]): None for record in records if "points_per_side" in record.settings
    }
    gpus = ", ".join(str(gpu.get("name")) for gpu in machine.get("gpus") or [])
    facts = {
        "processor": f"{machine.get('processor', 'unknown')}, {machine.get('cores', '?')} cores",
        "instruction sets": ", ".join(machine.get("instruction_sets") or []),
        "memory": quantity(machine["memory_bytes"], "bytes") if machine.get("memory_bytes") else "",
        "GPUs": gpus,
        "system": str(machine.get("system", "")),
        "threads": ", ".join(threads),
        "grid of everything": ", ".join(f"{side} × {side} points" for side in grids),
        "versions": ", ".join(versions),
        "commit of samara": ", ".join(commits),
        "measured": f"{whens[0]} to {whens[-1]}, {len(records)} records",
    }
    return MachineFacts(place.title, {name: printable(value) for name, value in facts.items() if value})


def _said(figure: Figure) -> Said:
    metric, source = PUBLISHED_METRICS[figure.metric], SOURCES[figure.source]
    value = quantity_range(figure.value, figure.value, metric.unit, stated=True)
    # Only URLs become links; sources in this repository are paths.
    url = source.url if source.url.startswith("https://") else ""
    return Said(figure.checkpoint, metric.title, value, source.name, url, str(figure.conditions))


def _judged(claim: Claim) -> Judged:
    metric = PUBLISHED_METRICS[claim.metric]
    what = f"{metric.title} ({claim.conditions})" if claim.conditions else metric.title
    value = quantity_range(claim.low, claim.high, metric.unit, stated=True)
    judgement = claim.judgement
    return Judged(claim.checkpoint, what, value, claim.where, judgement.verdict, judgement.because)
