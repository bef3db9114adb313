"""Jobs: measurements that run in their own process, passed to it as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from samara.errors import RecordError
from samara.measurement.records.environment import Environment, identity_of
from samara.measurement.records.records import Subject

JobKind = Literal["size", "calls", "everything", "memory", "quality"]
"""calls: timing of load, encode and decode; everything: timing of automatic masks."""


@dataclass(frozen=True, kw_only=True)
class BenchmarkJob:
    """One measurement of one checkpoint.

    Attributes:
        kind: measurement to run.
        checkpoint: first argument of `samara.load`; the others come from `subject`.
        subject: the checkpoint as described in records.
        settings: JSON values of the measurement, written to the records.
        inputs: paths of images and ground truth, not written to the records: the digests in `settings` identify their
            content.
        base: path of the checkpoint that supplies what the file of `checkpoint` lacks; None for a complete file.
        base_sha256: digest of that file, because its path does not identify it.
        preset: preset that was chosen for the file; the subject's name contains it.
        domain: kind of images, for quality.
        batch_size: batch size, for memory; None if not applicable.
        metrics: names of the resulting metrics, for records of failures.
    """

    kind: JobKind
    checkpoint: str
    subject: Subject
    settings: Mapping[str, Any]  # Any: JSON values
    inputs: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON values
    base: str | None = None
    base_sha256: str | None = None
    preset: str | None = None
    domain: str | None = None
    batch_size: int | None = None
    metrics: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Name of the job in progress messages."""
        what = {
            "size": "size",
            "calls": "speed of encoding and decoding",
            "everything": "speed of everything",
            "memory": f"memory, {self.settings.get('work')}",
            "quality": f"quality, {self.domain}",
        }[self.kind]
        batch = f", batch of {self.batch_size}" if self.batch_size else ""
        return f"{self.subject.checkpoint}: {what}{batch}"

    def identity(self, here: Environment) -> str:
        """See `Record.job`."""
        own = {"job": self.kind, "domain": self.domain, "batch_size": self.batch_size, "settings": self.settings}
        if self.base is not None:
            own["base"] = self.base_sha256
        return identity_of(own | asdict(self.subject) | here.identity)

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> BenchmarkJob:
        """Parse the output of `to_json`.

        Raises:
            RecordError: The line is not a job.
        """
        try:
            document = json.loads(line)
            subject, metrics = Subject(**document.pop("subject")), tuple(document.pop("metrics"))
            return cls(subject=subject, metrics=metrics, **document)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordError(f"{line[:60]!r} is not a job ({error})") from error
