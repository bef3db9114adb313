"""Comparison as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from samara.measurement.comparison.comparison import Comparison, Contender
from samara.measurement.comparison.missing import left_open
from samara.measurement.published.guide_claims import Claim
from samara.measurement.records.records import Record
from samara.measurement.reporting.beside import PublishedValues
from samara.measurement.reporting.table import Cell, Row, Table
from samara.measurement.reporting.table_files import harmless

FORMAT = 1
"""Version of the JSON format."""

RANDOM = "\\*"
"""Mark of random weights in Markdown."""

_CSV_COLUMNS = (
    "checkpoint",
    "weights",
    "machine",
    "device",
    "engine",
    "precision",
    "input_size",
    "metric",
    "domain",
    "source",
    "batch_size",
    "points_per_side",
    "value",
    "unit",
    "low",
    "high",
    "interval",
    "n",
    "images",
    "status",
    "note",
    "when",
    "commit",
)


def is_comparison(path: Path) -> bool:
    """Return whether a file is a comparison in JSON, of any version."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.keys() >= {"format", "machines", "contenders", "tables"}


def as_json(comparison: Comparison, tables: Sequence[Table]) -> dict[str, Any]:  # Any: JSON values
    """Return the comparison as plain values: machines, contenders, and every table with published values."""
    return {
        "format": FORMAT,
        "machines": [{"title": place.title, "device": place.device, **place.machine} for place in comparison.places],
        "contenders": [
            {"title": one.title, "machine": one.place.title, **one.subject.__dict__} for one in comparison.contenders
        ],
        "tables": [_table(table) for table in tables],
        "open": [asdict(one) for one in left_open(comparison)],
    }


def comparison_json(comparison: Comparison, tables: Sequence[Table]) -> str:
    """Return the comparison as JSON text without extensions such as NaN."""
    return json.dumps(as_json(comparison, tables), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _table(table: Table) -> dict[str, Any]:  # Any: JSON values
    return {
        "name": table.name,
        "title": table.title,
        "caption": table.caption,
        "rows": [_row(table, row) for row in table.rows],
    }


def _row(table: Table, row: Row) -> dict[str, Any]:  # Any: JSON values
    return {
        **dict(zip(table.heads, row.heads, strict=True)),
        "machine": row.place or None,
        "random_weights": row.is_random,
        "numbers": {column: _cell(cell) for column, cell in zip(table.columns, row.cells, strict=True)},
    }


def _cell(cell: Cell) -> dict[str, Any]:  # Any: JSON values
    if cell.label is not None:
        return {"text": cell.label}
    facts: dict[str, Any] = {"metric": cell.metric, "value": cell.value, "unit": cell.unit}  # Any: JSON values
    if cell.low is not None:
        facts |= {"low": cell.low, "high": cell.high}
    if cell.n:
        facts["n"] = cell.n
    if cell.note:
        facts["note"] = cell.note
    return facts | _beside(cell.beside)


def _beside(beside: PublishedValues) -> dict[str, Any]:  # Any: JSON values
    found: dict[str, Any] = {}
    if beside.figures:
        found["published"] = [figure.as_dict() for figure in beside.figures]
    if beside.claims:
        found["claimed"] = [_claim(claim) for claim in beside.claims]
    return found


def _claim(claim: Claim) -> dict[str, Any]:  # Any: JSON values
    # JSON has no infinity.
    return claim.as_dict() | {"high": claim.high if math.isfinite(claim.high) else None}


def csv_text(comparison: Comparison) -> str:
    """Return every number as CSV, one line each, for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    for one in comparison.contenders:
        for record in one.newest.values():
            writer.writerow([harmless(value) for value in _line(one, record)])
    return out.getvalue()


def _line(one: Contender, record: Record) -> Iterable[object]:
    subject, interval = record.subject, record.interval
    facts: Mapping[str, object] = {
        "checkpoint": subject.checkpoint,
        "weights": subject.weights,
        "machine": one.place.title,
        "device": subject.device,
        "engine": subject.engine,
        "precision": subject.precision,
        "input_size": subject.input_size,
        "points_per_side": record.settings.get("points_per_side"),
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "interval": None if interval is None else interval.kind,
    }
    return [facts[column] if column in facts else getattr(record, column) for column in _CSV_COLUMNS]


def markdown_text(comparison: Comparison, tables: Sequence[Table]) -> str:
    """Return the tables as Markdown, with intervals in brackets and missing numbers below."""
    parts = ["# Comparison of checkpoints", *(f"Measured on {_escaped(place.title)}." for place in comparison.places)]
    for table in tables:
        parts += [f"## {_escaped(table.title)}", _escaped(table.caption), markdown_table(table)]
    reasons = [f"- {_escaped(one.who)}: {_escaped(one.what)}: {_escaped(one.reason)}" for one in left_open(comparison)]
    if reasons:
        parts += ["## Missing numbers", "\n".join(reasons)]
    parts.append(RANDOM + " random weights")
    return "\n\n".join(parts) + "\n"


def markdown_table(table: Table) -> str:
    """Return one table as Markdown."""
    heads = [*table.heads, *table.columns]
    rules = [*("---" for _ in table.heads), *("--:" for _ in table.columns)]
    lines = [heads, rules]
    for row in table.rows:
        first, *others = row.heads
        named = [_escaped(first) + (RANDOM if row.is_random else ""), *map(_escaped, others)]
        lines.append([*named, *map(_markdown_cell, row.cells)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _markdown_cell(cell: Cell) -> str:
    spread = f"({cell.spread})" if cell.spread and cell.value is not None else ""
    return _escaped(" ".join(part for part in (cell.text, cell.mark, spread) if part))


def _escaped(text: str) -> str:
    """Escape text for Markdown and embedded HTML."""
    for letter, escape in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(letter, escape)
    return "".join(f"\\{letter}" if letter in "\\`*|[]" else letter for letter in text)
