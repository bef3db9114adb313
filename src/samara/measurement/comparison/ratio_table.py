"""SAM against small models: sizes and times on one machine, and factors of size and speed."""

from __future__ import annotations

from collections.abc import Sequence

from samara.measurement.comparison.comparison import Comparison, Contender, DeviceOfMachine
from samara.measurement.comparison.published_values import beside
from samara.measurement.comparison.quantities import quantity_range
from samara.measurement.comparison.tables import NOT_MEASURED, Cell, Row, Table, measured
from samara.measurement.published.ratios import RATIOS, Ratio

REFERENCE = "sam_vit_b"
"""Reference checkpoint of the ratios."""

SMALL = ("mobile_sam", "fastsam_s", "fastsam_x", "yolov8n-seg", "yolo11n-seg")
"""Checkpoints that the guide compares with it, by catalogue name."""


def versus(comparison: Comparison) -> list[Table]:
    """Return one table for each CPU on which one of these checkpoints was measured."""
    return [
        _versus(comparison.at(place), place, number)
        for number, place in enumerate(comparison.places)
        if place.is_cpu and any(one.checkpoint in (REFERENCE, *SMALL) for one in comparison.at(place))
    ]


def _versus(contenders: Sequence[Contender], place: DeviceOfMachine, number: int) -> Table:
    reference = next((one for one in contenders if one.checkpoint == REFERENCE), None)
    rows = []
    for name in (REFERENCE, *SMALL):
        found = [one for one in contenders if one.checkpoint == name]
        rows += [_row(one, reference) for one in found] or [_open_row(name)]
    rows += [_row(one, reference) for one in contenders if one.checkpoint not in (REFERENCE, *SMALL)]
    return Table(
        "versus" if not number else f"versus-{number + 1}",
        "SAM against MobileSAM, FastSAM and YOLO on the CPU",
        f"Measured on {place.title}. Time is that of everything in an image, without a prompt. Ratios to {REFERENCE} "
        "are computed from the numbers next to them; checkpoints that were not measured show published values only.",
        ("checkpoint",),
        ("file", "parameters", "everything", "times smaller", "times faster"),
        tuple(rows),
    )


def _row(one: Contender, reference: Contender | None) -> Row:
    numbers = tuple(measured(one, metric) for metric in ("file_bytes", "parameters", "everything_seconds"))
    ratios = (_ratio(one, reference, "file_bytes"), _ratio(one, reference, "everything_seconds"))
    return Row((one.title,), (*numbers, *ratios), one.is_random, one.place.title)


def _open_row(name: str) -> Row:
    units = {"file_bytes": "bytes", "parameters": "parameters", "everything_seconds": "seconds"}
    numbers = tuple(
        Cell(metric=metric, unit=unit, note=NOT_MEASURED, beside=beside(name, metric)) for metric, unit in units.items()
    )
    ratios = tuple(
        Cell(unit="times", note=guide_note_on_ratio(name, metric) or NOT_MEASURED, metric=metric)
        for metric in ("file_bytes", "everything_seconds")
    )
    return Row((name,), (*numbers, *ratios))


def _ratio(one: Contender, reference: Contender | None, metric: str) -> Cell:
    """Return the factor by which a contender is smaller or faster than the reference."""
    own = one.value(metric)
    other = None if reference is None else reference.value(metric)
    note = guide_note_on_ratio(one.checkpoint, metric)
    if not own or other is None:
        return Cell(unit="times", note=note or NOT_MEASURED, metric=metric)
    return Cell(value=other / own, unit="times", note=note, metric=metric)


def guide_note_on_ratio(checkpoint: str, metric: str) -> str:
    """Return the guide's claim about a ratio and the computed value; empty if it makes none."""
    said = next((ratio for ratio in RATIOS if _is(ratio, checkpoint, metric)), None)
    if said is None:
        return ""
    facts = said.from_facts() or (said.from_the_guide(),)
    computed = quantity_range(min(facts), max(facts), "times", stated=True)
    mark = " ✗" if said.is_contradicted else ""
    return (
        f"guide {quantity_range(said.value, said.value, 'times', stated=True)}{mark}, published numbers give {computed}"
    )


def _is(ratio: Ratio, checkpoint: str, metric: str) -> bool:
    return (ratio.checkpoint, ratio.other, ratio.metric) == (checkpoint, REFERENCE, metric)
