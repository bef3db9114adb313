"""One measured number with everything that is needed to believe it, to find it again and to compare it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from samara.errors import RecordError
from samara.measurement.records.metrics import METRICS, Metric

FORMAT = 1
"""Version of the JSON form; readers refuse newer ones."""

RecordStatus = Literal["measured", "not applicable", "failed"]
IntervalKind = Literal["95 % bootstrap", "quartiles"]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """How far a number is certain, or how far its single values spread.

    Attributes:
        low, high: in the unit of the number; low ≤ high.
        kind: "95 % bootstrap": of the mean, images drawn with replacement; "quartiles": the middle half of the
            timed calls.
    """

    low: float
    high: float
    kind: IntervalKind


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What was measured: a checkpoint in the form in which it ran.

    Attributes:
        checkpoint: catalogue name, or the name of a file that is in no catalogue.
        variant: name of its architecture in `samara.networks.variants`.
        weights: "file", or "random" where the file was not at hand; then there is no quality.
        sha256: digest of the file; None for random weights.
        engine: what ran it, e.g. "torch".
        precision: what it computed in, e.g. "float32".
        device: e.g. "cpu" or "cuda:0".
        input_size: side of the network input in pixels.
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
    """One number.

    Attributes:
        subject: what was measured.
        metric: a name of `METRICS`.
        value: in `unit`; None unless `status` is "measured".
        status: "not applicable": this checkpoint cannot be asked that, or has random weights; "failed": the
            measurement ended with an error, and is tried again by the next run. `note` then says why.
        note: a sentence; empty for most.
        interval: None where there is no more than one value.
        n: how many values the number is made of: objects or timed calls; 0 without a value.
        images: over how many images; None where that makes no sense.
        domain: kind of images, e.g. "medical"; None for numbers that do not depend on images.
        source: data set within the domain; None for the mean over the domain's sources.
        batch_size: images that went through the network together; None where that makes no sense.
        job: 16 hexadecimal digits, the same for the same measurement (subject, settings, data) on the same machine
            with the same versions. A job's records are written together; a run skips jobs that are there.
        settings: of the measurement, JSON values; what made the number what it is.
        machine: `samara.system.machine.Machine.as_dict()` without its versions.
        versions: of Python, samara and the libraries that matter.
        commit: of the samara sources if they lie in a git repository, else None; "-dirty" follows if changed.
        when: UTC time at which it was measured, ISO 8601, e.g. "2026-11-21T13:44:29+00:00".

    Raises:
        RecordError: the fields contradict each other, or a number is not finite.
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
            raise RecordError(f"{self.metric!r} is no metric of this version of samara; a newer one may know it")
        if (self.value is None) == (self.status == "measured"):
            raise RecordError(f"a record of {self.metric} has value {self.value} and status {self.status!r}")
        if self.value is None and not self.note:
            raise RecordError(f"a record of {self.metric} has no value and does not say why")
        numbers = [self.value] if self.interval is None else [self.value, self.interval.low, self.interval.high]
        if not all(number is None or math.isfinite(number) for number in numbers):
            raise RecordError(f"a record of {self.metric} holds {numbers}; numbers must be finite")

    @property
    def unit(self) -> str:
        """Unit of `value` and `interval`."""
        return self.definition.unit

    @property
    def definition(self) -> Metric:
        """What the number means."""
        return METRICS[self.metric]

    @property
    def place(self) -> tuple[str, str, str | None, str | None, int | None]:
        """Which number of which job it is; the same when it is measured again."""
        return (self.job, self.metric, self.domain, self.source, self.batch_size)

    def to_json(self) -> str:
        """One line of JSON, without its end."""
        return json.dumps({"format": FORMAT, **asdict(self), "unit": self.unit}, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> Record:
        """Read what `to_json` wrote; fields that this version does not know are left out.

        Raises:
            RecordError: something else, or written by a newer format.
        """
        try:
            document = json.loads(line)
        except ValueError as error:
            raise RecordError(f"{line[:60]!r} is no record ({error})") from error
        if not isinstance(document, dict) or not isinstance(document.get("format"), int):
            raise RecordError(f"{line[:60]!r} is no record; a JSON object with a format is needed")
        if document["format"] > FORMAT:
            raise RecordError(
                f"a record has format {document['format']}, this samara reads up to {FORMAT}; use a newer one"
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
    """Of numbers measured more than once, the newest; in the order of their first measurement.

    A number that failed later than it was measured keeps its value.
    """
    newest: dict[object, Record] = {}
    for record in records:
        before = newest.get(record.place)
        if before is None or _rank(record) >= _rank(before):
            newest[record.place] = record
    return list(newest.values())


def _rank(record: Record) -> tuple[bool, str]:
    return record.status != "failed", record.when
