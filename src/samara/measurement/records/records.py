"""Record of one measured number, with everything needed to verify, find and compare it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from samara.errors import RecordError
from samara.measurement.records.metrics import METRICS, Metric

FORMAT = 1
"""Version of the JSON format; readers reject newer ones."""

RecordStatus = Literal["measured", "not applicable", "failed"]
IntervalKind = Literal["95 % bootstrap", "quartiles"]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Uncertainty of a number, or spread of its single values.

    Attributes:
        low, high: bounds in the unit of the number; low ≤ high.
        kind: "95 % bootstrap": of the mean, images drawn with replacement; "quartiles": quartiles of the timed calls.
    """

    low: float
    high: float
    kind: IntervalKind


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Subject of a measurement: a checkpoint as it ran.

    Attributes:
        checkpoint: catalogue name, or file name if not in the catalogue.
        variant: name of its architecture in `samara.networks.variants`.
        weights: "file", or "random" if the file was missing; quality is then not measured.
        sha256: digest of the file; None for random weights.
        engine: engine, e.g. "torch".
        precision: precision, e.g. "float32".
        device: device, e.g. "cpu" or "cuda:0".
        input_size: side length of the network input in pixels.
    """

    checkpoint: str
    variant: str
    weights: Literal["file", "random"]
    sha256: str | None
    engine: str
    precision: str
    device: str
    input_size: int


@dataclass(frozen=True, kw_only=True)
class Record:
    """Record of one number.

    Attributes:
        subject: the measured checkpoint.
        metric: name in `METRICS`.
        value: value in `unit`; None unless `status` is "measured".
        status: "not applicable": the checkpoint does not support the measure, or has random weights; "failed": the
            measurement ended with an error, and the next run retries it. `note` then gives the reason.
        note: remark in a sentence; mostly empty.
        interval: interval of the value; None for a single value.
        n: number of values summarised, objects or timed calls; 0 without a value.
        images: number of images; None if not applicable.
        domain: kind of images, e.g. "medical"; None for numbers that do not depend on images.
        source: data set within the domain; None for the mean over the domain's sources.
        batch_size: number of images per forward pass; None if not applicable.
        job: 16 hexadecimal digits, the same for the same measurement (subject, settings, data) on the same machine
            with the same versions. A job's records are written together; a run skips recorded jobs.
        settings: settings of the measurement that affect the number, JSON values.
        machine: `samara.system.machine.Machine.as_dict()` without versions.
        versions: versions of Python, samara and relevant libraries.
        commit: commit of the samara sources, with the suffix "-dirty" if changed; None outside git.
        when: UTC time of the measurement, ISO 8601, e.g. "2026-11-21T13:44:29+00:00".

    Raises:
        RecordError: The fields contradict each other, or a number is not finite.
    """

    subject: Subject
    metric: str
    value: float | None
    status: RecordStatus = "measured"
    note: str = ""
    interval: Interval | None = None
    n: int = 0
    images: int | None = None
    domain: str | None = None
    source: str | None = None
    batch_size: int | None = None
    job: str
    settings: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON values
    machine: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON values
    versions: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None
    when: str

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise RecordError(f"this version of samara has no metric {self.metric!r}; a newer one may have it")
        if (self.value is None) == (self.status == "measured"):
            raise RecordError(f"a record of {self.metric} has value {self.value} and status {self.status!r}")
        if self.value is None and not self.note:
            raise RecordError(f"a record of {self.metric} has neither a value nor a reason for its absence")
        numbers = [self.value] if self.interval is None else [self.value, self.interval.low, self.interval.high]
        if not all(number is None or math.isfinite(number) for number in numbers):
            raise RecordError(f"a record of {self.metric} contains {numbers}; numbers must be finite")

    @property
    def unit(self) -> str:
        """Unit of `value` and `interval`."""
        return self.definition.unit

    @property
    def definition(self) -> Metric:
        """Metric of the number."""
        return METRICS[self.metric]

    @property
    def place(self) -> tuple[str, str, str | None, str | None, int | None]:
        """Key of the number within its job; the same when measured again."""
        return (self.job, self.metric, self.domain, self.source, self.batch_size)

    def to_json(self) -> str:
        """Return one line of JSON, without the newline."""
        return json.dumps({"format": FORMAT, **asdict(self), "unit": self.unit}, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> Record:
        """Parse the output of `to_json`; ignores unknown fields.

        Raises:
            RecordError: The line is not a record, or has a newer format.
        """
        try:
            document = json.loads(line)
        except ValueError as error:
            raise RecordError(f"{line[:60]!r} is not a record ({error})") from error
        if not isinstance(document, dict) or not isinstance(document.get("format"), int):
            raise RecordError(f"{line[:60]!r} is not a record; it must be a JSON object with a format")
        if document["format"] > FORMAT:
            raise RecordError(
                f"a record has format {document['format']}, but this samara reads up to {FORMAT}; use a newer version"
            )
        try:
            subject = Subject(**_known(document["subject"], Subject))
            interval = document.get("interval")
            spread = None if interval is None else Interval(**_known(interval, Interval))
            return cls(**_known(document, cls) | {"subject": subject, "interval": spread})
        except (KeyError, TypeError, AttributeError) as error:
            raise RecordError(f"{line[:60]!r} is a damaged record ({error})") from error


def _known(document: Mapping[str, Any], cls: type) -> dict[str, Any]:  # Any: JSON values
    names = {one.name for one in fields(cls)}
    return {name: value for name, value in document.items() if name in names}


def latest(records: Iterable[Record]) -> list[Record]:
    """Return the newest record of each number, in the order of first measurement.

    A later failure does not replace a measured value.
    """
    newest: dict[object, Record] = {}
    for record in records:
        before = newest.get(record.place)
        if before is None or _rank(record) >= _rank(before):
            newest[record.place] = record
    return list(newest.values())


def _rank(record: Record) -> tuple[bool, str]:
    return record.status != "failed", record.when
