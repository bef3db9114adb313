"""How long everything takes per image, from what was measured on this machine in the same way; nothing is scaled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from samara.measurement.records.records import Record, latest
from samara.recommendation.costs import POINTS_PER_SIDE
from samara.recommendation.measured import is_same_machine
from samara.system.machine import Machine


@dataclass(frozen=True)
class Running:
    """How a checkpoint runs.

    Attributes:
        checkpoint: its name.
        device, engine, precision: see `samara.measurement.records.records.Subject`.
        input_size: side length of the network input in pixels.
        points_per_side: grid of everything mode; None for a detector.
    """

    checkpoint: str
    device: str
    engine: str
    precision: str
    input_size: int
    points_per_side: int | None


def measured_everything(records: Iterable[Record], running: Running, machine: Machine) -> Record | None:
    """Return the newest record of the time of everything in an image, run in this way on this machine; None if none."""
    found = [
        one
        for one in latest(records)
        if one.metric == "everything_seconds"
        and one.value is not None
        and is_same_machine(one, machine)
        and _running_of(one, has_grid=running.points_per_side is not None) == running
    ]
    return max(found, key=lambda one: one.when, default=None)


def _running_of(record: Record, *, has_grid: bool) -> Running:
    subject = record.subject
    return Running(
        subject.checkpoint,
        subject.device,
        subject.engine,
        subject.precision,
        subject.input_size,
        record.settings.get("points_per_side", POINTS_PER_SIDE) if has_grid else None,
    )
