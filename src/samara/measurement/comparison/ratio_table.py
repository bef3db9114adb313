"""SAM against small models: sizes and times on one machine, and factors of size and speed."""

from __future__ import annotations

from collections.abc import Sequence

from samara.checkpoints.catalogue import find
from samara.measurement.comparison.comparison import Comparison, Contender, DeviceOfMachine
from samara.measurement.comparison.grids import grid_of_speed
from samara.measurement.comparison.tables import NOT_MEASURED, measured
from samara.measurement.published.ratios import RATIOS, Ratio, published_pairs
from samara.measurement.reporting.quantities import NOTHING, quantity_range
from samara.measurement.reporting.table import Cell, Row, Table
from samara.networks.variants import VARIANTS

REFERENCE = "sam_vit_b"
"""Reference checkpoint of the ratios."""

SMALL = ("mobile_sam", "fastsam_s", "fastsam_x", "yolov8n-seg", "yolo11n-seg")
"""Checkpoints that the guide compares with it, by catalogue name."""

_COLUMNS = (
    "file",
    "parameters",
    "everything",
    "its grid",
    "times smaller",
    "times faster",
    "published: times smaller",
    "published: times faster",
    "guide: times smaller",
    "guide: times faster",
)


def versus(comparison: Comparison) -> list[Table]:
    """Return one table for each place where one of these checkpoints was measured."""
    return [
        _versus(comparison.at(place), place, number, f" on {place.title}" if len(comparison.places) > 1 else "")
        for number, place in enumerate(comparison.places)
        if any(one.checkpoint in (REFERENCE, *SMALL) for one in comparison.at(place))
    ]


def _versus(contenders: Sequence[Contender], place: DeviceOfMachine, number: int, where: str) -> Table:
    reference = next((one for one in contenders if one.checkpoint == REFERENCE), None)
    rows = []
    for name in (REFERENCE, *SMALL):
        found = [one for one in contenders if one.checkpoint == name]
        rows += [_row(one, reference) for one in found] or [_open_row(name)]
    rows += [_row(one, reference) for one in contenders if one.checkpoint not in (REFERENCE, *SMALL)]
    return Table(
        "versus" if not number else f"versus-{number + 1}",
        f"SAM against MobileSAM, FastSAM and YOLO{where}",
        f"Measured on {place.title}. Time is that of everything in an image, without a prompt. Factors are relative to "
        f"{REFERENCE}: of the numbers in the row; of published numbers, from tables with both under equal conditions, "
        "on whatever machine; and as the guide states them, ✗ if contradicted. Sizes of checkpoints that were not "
        "measured are the catalogue's.",
        ("checkpoint",),
        _COLUMNS,
        tuple(rows),
    )


def _row(one: Contender, reference: Contender | None) -> Row:
    file, parameters, seconds = (measured(one, metric) for metric in ("file_bytes", "parameters", "everything_seconds"))
    ours = _size_of_reference() if reference is None else measured(reference, "file_bytes")
    time = Cell() if reference is None else measured(reference, "everything_seconds")
    return Row(
        (one.title,),
        (
            *(file, parameters, seconds, Cell(label=grid_of_speed(one))),
            *(_factor(file, ours), _factor(seconds, time)),
            *_said(one.published_as),
        ),
        one.is_random,
        one.place.title,
    )


def _open_row(name: str) -> Row:
    entry = find(name)
    file = _exact(entry.size_bytes, "bytes", "file_bytes")
    parameters = _exact(VARIANTS[entry.variant].parameters, "parameters", "parameters")
    seconds = Cell(metric="everything_seconds", unit="seconds", note=NOT_MEASURED)
    return Row(
        (name,),
        (
            *(file, parameters, seconds, Cell(label=NOTHING)),
            *(_factor(file, _size_of_reference()), _factor(seconds, Cell())),
            *_said(name),
        ),
    )


def _size_of_reference() -> Cell:
    return _exact(find(REFERENCE).size_bytes, "bytes", "file_bytes")


def _exact(value: float | None, unit: str, metric: str) -> Cell:
    return Cell(value=value, unit=unit, metric=metric, note="" if value else "the catalogue does not know it")


def _factor(own: Cell, reference: Cell) -> Cell:
    """Return how many times smaller or faster a number is than the reference's."""
    if not own.value or reference.value is None:
        return Cell(unit="times", note=NOT_MEASURED, metric=own.metric)
    return Cell(value=reference.value / own.value, unit="times", metric=own.metric)


def _said(name: str) -> tuple[Cell, ...]:
    """Return the factors by published numbers, then those that the guide states."""
    metrics = ("file_bytes", "everything_seconds")
    return (
        *(Cell(label=published_factor(name, metric)) for metric in metrics),
        *(Cell(label=guide_factor(name, metric)) for metric in metrics),
    )


def published_factor(checkpoint: str, metric: str) -> str:
    """Return the factor by published numbers of both under equal conditions, e.g. "1,345–2,016×"; "–" without any."""
    factors = [that.value / this.value for this, that in published_pairs(checkpoint, REFERENCE, metric)]
    if not factors or checkpoint == REFERENCE:
        return NOTHING
    return quantity_range(min(factors), max(factors), "times", stated=True)


def guide_factor(checkpoint: str, metric: str) -> str:
    """Return the factor that the guide states, marked if contradicted; "–" if it states none."""
    said = next((ratio for ratio in RATIOS if _is(ratio, checkpoint, metric)), None)
    if said is None:
        return NOTHING
    return f"{quantity_range(said.value, said.value, 'times', stated=True)}{' ✗' if said.is_contradicted else ''}"


def _is(ratio: Ratio, checkpoint: str, metric: str) -> bool:
    return (ratio.checkpoint, ratio.other, ratio.metric) == (checkpoint, REFERENCE, metric)
