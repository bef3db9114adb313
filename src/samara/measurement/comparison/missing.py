"""Missing numbers of a comparison with their reasons: one line per reason for all checkpoints concerned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from samara.measurement.comparison.comparison import Comparison, Contender, printable
from samara.measurement.comparison.machines import NO_GPU, lacks_gpu
from samara.measurement.comparison.tables import NOT_MEASURED
from samara.measurement.records.metrics import METRICS

EVERYBODY = "all"


@dataclass(frozen=True)
class Open:
    """Numbers missing for one reason.

    Attributes:
        contenders: titles of the contenders without the numbers.
        who: short description of the contenders.
        numbers: titles of the missing numbers.
        reason: reason why they are missing.
    """

    contenders: tuple[str, ...]
    who: str
    numbers: tuple[str, ...]
    reason: str

    @property
    def what(self) -> str:
        """Text that lists the numbers."""
        return ", ".join(self.numbers)


def left_open(comparison: Comparison) -> list[Open]:
    """Return missing numbers by reason; those not requested, but measured for others in the same place, come last."""
    found: dict[tuple[tuple[str, ...], str], list[str]] = {}
    reasons = [(one, reason, numbers) for one in comparison.contenders for reason, numbers in _without_value(one)]
    reasons += [(one, NOT_MEASURED, missing) for one in comparison.contenders if (missing := _missing(one, comparison))]
    for one, reason, numbers in reasons:
        found.setdefault((numbers, printable(reason)), []).append(one.title)
    everybody = [one.title for one in comparison.contenders]
    if lacks_gpu(comparison):
        found[("every number on a GPU",), NO_GPU] = everybody
    return [
        Open(tuple(titles), EVERYBODY if titles == everybody else ", ".join(titles), numbers, reason)
        for (numbers, reason), titles in found.items()
    ]


def _without_value(one: Contender) -> Iterable[tuple[str, tuple[str, ...]]]:
    numbers: dict[str, dict[str, None]] = {}
    for (metric, _, _, batch_size), record in one.newest.items():
        if record.value is None and not _goes_without_saying(metric):
            numbers.setdefault(record.note, {})[_title(metric, batch_size)] = None
    return [(note, tuple(titles)) for note, titles in numbers.items()]


def _missing(one: Contender, comparison: Comparison) -> tuple[str, ...]:
    """Return the numbers that others have and that were not requested for this contender."""
    others = (which for other in comparison.at(one.place) for which, record in other.newest.items() if record.value)
    own = {(metric, batch_size) for metric, _, _, batch_size in one.newest}
    wanted = {(metric, batch_size): None for metric, _, _, batch_size in others}
    return tuple(_title(*which) for which in wanted if which not in own and not _goes_without_saying(which[0]))


def _goes_without_saying(metric: str) -> bool:
    """Return whether a metric is a first call, which is always missing together with the later calls."""
    return metric.endswith("_first_seconds")


def _title(metric: str, batch_size: int | None) -> str:
    title = METRICS[metric].title
    return title if batch_size in (None, 1) else f"{title}, batch of {batch_size}"
