"""Measured number before it becomes a record with its subject and machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from samara.errors import RecordError
from samara.measurement.records.environment import Environment, now
from samara.measurement.records.records import Interval, Record, RecordStatus, Subject


@dataclass(frozen=True, kw_only=True)
class Number:
    """One number, with fields of `Record`."""

    metric: str
    value: float | None
    status: RecordStatus = "measured"
    note: str = ""
    interval: Interval | None = None
    n: int = 1
    images: int | None = None
    source: str | None = None
    batch_size: int | None = None

    def as_json(self) -> dict[str, Any]:  # Any: JSON values
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Number:  # Any: JSON values
        """Restore the result of `as_json`.

        Raises:
            RecordError: The document is not a number.
        """
        try:
            interval = document["interval"]
            return cls(**{**document, "interval": None if interval is None else Interval(**interval)})
        except (KeyError, TypeError) as error:
            raise RecordError(f"{str(document)[:60]!r} is not a number ({error})") from error


def without_value(metric: str, status: RecordStatus, note: str, *, batch_size: int | None = None) -> Number:
    """Return a number without a value, with the reason."""
    return Number(metric=metric, value=None, status=status, note=note, n=0, batch_size=batch_size)


def as_record(
    number: Number,
    *,
    subject: Subject,
    job: str,
    settings: Mapping[str, Any],  # Any: JSON values
    here: Environment,
    domain: str | None = None,
) -> Record:
    """Make a record of a number measured just now."""
    facts: dict[str, Any] = {field.name: getattr(number, field.name) for field in fields(Number)}  # Any: fields of both
    return Record(
        subject=subject,
        job=job,
        settings=settings,
        domain=domain,
        machine=here.machine,
        versions=here.versions,
        commit=here.commit,
        when=now(),
        **facts,
    )
