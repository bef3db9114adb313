"""Machines side by side: a column for each, so that a GPU stands beside a CPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from samara.engines.kinds import TORCH
from samara.measurement.comparison.comparison import Comparison, Contender, DeviceOfMachine
from samara.measurement.comparison.tables import NOT_MEASURED, measured, prompt_time, throughput_of
from samara.measurement.reporting.beside import NOTHING_BESIDE
from samara.measurement.reporting.table import Cell, Row, Table

NO_GPU = "no GPU was measured; compare on a machine with one, and show its records here as well"


@dataclass(frozen=True)
class _Column:
    """A place with the engine and precision that ran there."""

    place: DeviceOfMachine
    engine: str
    precision: str

    @property
    def title(self) -> str:
        engine = "" if self.engine == TORCH.name else f", {self.engine}"
        return f"{self.place.title}, {self.precision}{engine}"

    def holds(self, one: Contender) -> bool:
        return _column_of(one).key == self.key

    @property
    def key(self) -> tuple[str, str, str]:
        return self.place.identity, self.engine, self.precision


def lacks_gpu(comparison: Comparison) -> bool:
    """Return whether speed or memory was measured, but on CPUs alone."""
    measured_here = (record for record in comparison.records if record.definition.group in ("speed", "memory"))
    return any(record.value for record in measured_here) and all(place.is_cpu for place in comparison.places)


def side_by_side(comparison: Comparison) -> list[Table]:
    """Return a table with one column for each machine, with its engine and precision; none for a single column."""
    columns = list({_column_of(one).key: _column_of(one) for one in comparison.contenders}.values())
    if len(comparison.places) < 2:
        return []
    checkpoints = list(dict.fromkeys(one.checkpoint for one in comparison.contenders))
    rows = [
        row
        for checkpoint in checkpoints
        for title, make in _numbers(comparison.batch_sizes).items()
        if (row := _row(comparison, columns, checkpoint, title, make)) is not None
    ]
    return [
        Table(
            "machines",
            "Machines side by side",
            "Every number is that of its own machine. Memory is what PyTorch allocated on a GPU, and the whole "
            "process's on a CPU.",
            ("checkpoint", "number"),
            tuple(column.title for column in columns),
            tuple(rows),
        )
    ]


def _numbers(batch_sizes: tuple[int, ...]) -> dict[str, Callable[[Contender], Cell]]:
    """Return what is shown of a checkpoint: a row's title, and how its cell comes about."""
    return {
        "encode": partial(measured, metric="encode_seconds", batch_size=1),
        "image and click": prompt_time,
        "everything": partial(measured, metric="everything_seconds"),
        **{f"throughput, batch of {size}": partial(throughput_of, batch_size=size) for size in batch_sizes},
        **{f"memory, batch of {size}": partial(_memory, work="encode", batch_size=size) for size in batch_sizes},
        "memory, everything": partial(_memory, work="everything"),
        "memory, fine-tuning": partial(_memory, work="finetune"),
    }


def _memory(one: Contender, work: str, batch_size: int | None = None) -> Cell:
    kind = "resident" if one.place.is_cpu else "device"
    return measured(one, f"{work}_{kind}_peak_bytes", batch_size=batch_size)


def _row(
    comparison: Comparison,
    columns: list[_Column],
    checkpoint: str,
    title: str,
    make: Callable[[Contender], Cell],
) -> Row | None:
    """Return the row of one number of one checkpoint; None if no machine has it."""
    of_checkpoint = [one for one in comparison.contenders if one.checkpoint == checkpoint]
    cells = tuple(_cell([one for one in of_checkpoint if column.holds(one)], make) for column in columns)
    if all(cell.value is None for cell in cells):
        return None
    return Row((checkpoint, title), cells, any(one.is_random for one in of_checkpoint))


def _cell(runs: list[Contender], make: Callable[[Contender], Cell]) -> Cell:
    """Return the cell of the run that has a value; of several files of that name, the last one's.

    Published values stand in the other tables; here they would hide the machines.
    """
    made = [replace(make(one), beside=NOTHING_BESIDE) for one in runs]
    return next((cell for cell in reversed(made) if cell.value is not None), made[-1] if made else _NONE)


_NONE = Cell(note=NOT_MEASURED)


def _column_of(one: Contender) -> _Column:
    return _Column(one.place, one.subject.engine, one.subject.precision)
