"""Grid of "everything": its time and recall say nothing without it."""

from __future__ import annotations

from samara.measurement.comparison.comparison import Contender
from samara.measurement.records.records import Record
from samara.measurement.reporting.quantities import NOTHING
from samara.networks.variants import VARIANTS

WITHOUT_GRID = "one pass"
"""Grid of a detector, which has none."""

_TOLD_BY = ("everything_seconds", "everything_device_peak_bytes", "everything_resident_peak_bytes")


def grid_of(record: Record) -> str:
    """Return the grid of a record of everything, e.g. "16 × 16"; "–" if it names none."""
    variant = VARIANTS.get(record.subject.variant)
    if variant is not None and not variant.embeds_images:
        return WITHOUT_GRID
    side = record.settings.get("points_per_side")
    return f"{side} × {side}" if side else NOTHING


def grid_of_speed(one: Contender) -> str:
    """Return the grid of a contender's time and memory of everything; "–" if they were not measured."""
    records = (one.record(metric) for metric in _TOLD_BY)
    return next((grid_of(record) for record in records if record is not None and record.value is not None), NOTHING)


def grid_of_recall(one: Contender, domain: str) -> str:
    """Return the grid of a contender's recall on a kind of images; "–" if it was not measured."""
    record = one.record("average_recall", domain=domain)
    return NOTHING if record is None or record.value is None else grid_of(record)
