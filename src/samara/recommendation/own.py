"""The user's own checkpoints, as far as their quality was measured: rows beside those of the catalogue."""

from __future__ import annotations

from samara.checkpoints.catalogue import CATALOGUE
from samara.checkpoints.record import Checkpoint
from samara.measurement.records.records import Subject
from samara.recommendation.costs import COSTS
from samara.recommendation.evidence import counts
from samara.recommendation.measured import Measurements

OWN = "LicenseRef-own"
"""Licence of a checkpoint that the user made; its terms are those of what it was trained from."""


def own_checkpoints(measured: Measurements) -> tuple[Checkpoint, ...]:
    """Return the measured checkpoints that are not in the catalogue and whose network has known costs."""
    known = {row.name for row in CATALOGUE}
    subjects = {
        record.subject.checkpoint: record.subject
        for record in measured.records
        if counts(record) and record.subject.checkpoint not in known
    }
    return tuple(_row(one) for one in subjects.values() if (one.variant, one.input_size) in COSTS)


def _row(subject: Subject) -> Checkpoint:
    return Checkpoint(
        name=subject.checkpoint,
        aliases=(),
        variant=subject.variant,
        file_name=subject.checkpoint,
        url=None,
        licence=OWN,
        source="measured on this machine",
        trained_on=None,
        sha256=subject.sha256,
        input_size=subject.input_size,
    )
