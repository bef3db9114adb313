"""Contenders of a comparison: checkpoints as they ran, each on its machine, with its newest numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from samara.checkpoints.catalogue import CATALOGUE
from samara.measurement.records.records import Record, Subject

# Facts that do not identify a machine, see `samara.measurement.records.environment`.
_CHANGES = ("system", "memory_bytes")

_ROWS = {row.name: row for row in CATALOGUE}
_PLACES = {row.name: place for place, row in enumerate(CATALOGUE)}

Which = tuple[str, str | None, str | None, int | None]
"""Key of a number: metric, domain, source, batch size."""


@dataclass(frozen=True)
class DeviceOfMachine:
    """Device of a machine; speed and memory are comparable only within one.

    Attributes:
        machine: machine as in records, JSON values.
        device: device name, e.g. "cpu" or "cuda:0".
    """

    machine: Mapping[str, Any] = field(hash=False)  # Any: JSON values
    device: str

    @property
    def is_cpu(self) -> bool:
        """Whether the device is the CPU."""
        return self.device == "cpu"

    @property
    def title(self) -> str:
        """Display name: the CPU with its cores, or the GPU."""
        gpus = self.machine.get("gpus") or []
        if not self.is_cpu and gpus:
            number = int(self.device.partition(":")[2] or 0)
            return printable(gpus[min(number, len(gpus) - 1)].get("name", self.device))
        cores = self.machine.get("cores")
        count = f", {cores} core{'' if cores == 1 else 's'}" if cores else ""
        device = "CPU" if self.is_cpu else self.device
        return printable(f"{self.machine.get('processor') or 'a machine'}{count}, {device}")

    @property
    def identity(self) -> str:
        """Key that is equal for records of the same machine and device."""
        kept = {name: value for name, value in self.machine.items() if name not in _CHANGES}
        return json.dumps([kept, self.device], sort_keys=True)


@dataclass(frozen=True)
class Contender:
    """One checkpoint as it ran in one place.

    Attributes:
        subject: the checkpoint as it ran.
        place: machine and device.
        title: display name, which distinguishes it from others with the same checkpoint.
        newest: newest record of each number, preferably one with a value.
    """

    subject: Subject
    place: DeviceOfMachine
    title: str
    newest: Mapping[Which, Record] = field(hash=False)

    @property
    def checkpoint(self) -> str:
        """Name of the checkpoint, as given."""
        return self.subject.checkpoint

    @property
    def published_as(self) -> str:
        """Catalogue name under which others write about it; empty for a checkpoint of one's own, whatever its name."""
        row = _ROWS.get(self.checkpoint)
        if row is None or (row.sha256 and self.subject.sha256 not in (None, row.sha256)):
            return ""
        return row.name

    @property
    def is_random(self) -> bool:
        """Whether the weights are random, so that it has no quality."""
        return self.subject.weights == "random"

    def record(
        self, metric: str, *, domain: str | None = None, source: str | None = None, batch_size: int | None = None
    ) -> Record | None:
        """Return the record of a number; None if it was not measured."""
        return self.newest.get((metric, domain, source, batch_size))

    def value(self, metric: str, *, domain: str | None = None, batch_size: int | None = None) -> float | None:
        """Return the value of a number; None if it was not measured or has no value."""
        found = self.record(metric, domain=domain, batch_size=batch_size)
        return None if found is None else found.value

    def domains(self) -> list[str]:
        """Kinds of images that it was evaluated on."""
        return list(dict.fromkeys(domain for _, domain, _, _ in self.newest if domain is not None))


@dataclass(frozen=True)
class Comparison:
    """Data for reports.

    Attributes:
        records: all records in the given order.
    """

    records: tuple[Record, ...]

    @cached_property
    def contenders(self) -> tuple[Contender, ...]:
        """Contenders in catalogue order; those outside the catalogue follow, in the order of their first records."""
        groups: dict[tuple[str, str], list[Record]] = {}
        for record in self.records:
            subject = json.dumps(record.subject.__dict__, sort_keys=True)
            groups.setdefault((subject, device_of_record(record).identity), []).append(record)
        of_each = sorted(groups.values(), key=lambda records: _PLACES.get(records[0].subject.checkpoint, len(_PLACES)))
        titles = _titles([(records[0].subject, device_of_record(records[0])) for records in of_each])
        return tuple(
            Contender(records[0].subject, device_of_record(records[0]), title, _newest(records))
            for title, records in zip(titles, of_each, strict=True)
        )

    @cached_property
    def places(self) -> tuple[DeviceOfMachine, ...]:
        """Places of measurement, in the order of the first records."""
        places = map(device_of_record, self.records)
        return tuple({place.identity: place for place in places}.values())

    @property
    def domains(self) -> tuple[str, ...]:
        """Kinds of images, in the order of the first records."""
        return tuple(dict.fromkeys(domain for one in self.contenders for domain in one.domains()))

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Batch sizes of encoding, ascending."""
        return tuple(sorted({size for one in self.contenders for _, _, _, size in one.newest if size is not None}))

    def at(self, place: DeviceOfMachine) -> list[Contender]:
        """Return the contenders of one place."""
        return [one for one in self.contenders if one.place.identity == place.identity]


def device_of_record(record: Record) -> DeviceOfMachine:
    """Return the place of a record."""
    return DeviceOfMachine(record.machine, record.subject.device)


def printable(text: str) -> str:
    """Escape control characters, because names come from files and a terminal would obey them."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _newest(records: Iterable[Record]) -> dict[Which, Record]:
    newest: dict[Which, Record] = {}
    for record in records:
        which = (record.metric, record.domain, record.source, record.batch_size)
        before = newest.get(which)
        if before is None or _rank(record) >= _rank(before):
            newest[which] = record
    return newest


def _rank(record: Record) -> tuple[bool, str]:
    return record.status == "measured", record.when


def _titles(runs: list[tuple[Subject, DeviceOfMachine]]) -> list[str]:
    """Return checkpoint names, followed by the facts in which runs of the same checkpoint differ."""

    def facts(subject: Subject, place: DeviceOfMachine) -> list[str]:
        digest = f"sha256 {subject.sha256[:8]}" if subject.sha256 else "random weights"
        form = (digest, subject.precision, f"{subject.input_size} px", subject.engine, subject.variant)
        return [*form, place.title]

    titles = []
    for subject, place in runs:
        same = [facts(*one) for one in runs if one[0].checkpoint == subject.checkpoint]
        own = facts(subject, place)
        telling = [fact for index, fact in enumerate(own) if any(other[index] != fact for other in same)]
        titles.append(printable(", ".join([subject.checkpoint, *telling])))
    return titles
