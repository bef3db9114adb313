"""Jobs: measurements that have a process of their own, as values that travel to it as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from samara.errors import RecordError
from samara.measurement.records.environment import Environment, identity_of
from samara.measurement.records.records import Subject

JobKind = Literal["size", "calls", "everything", "memory", "quality"]
"""calls: load, encode and decode, timed; everything: likewise."""


@dataclass(frozen=True, kw_only=True)
class BenchmarkJob:
    """One measurement of one checkpoint.

    Attributes:
        kind: what is measured.
        checkpoint: what `samara.load` is given, with the rest of `subject`.
        subject: the same for records.
        settings: of the measurement, JSON values; they go into the records.
        inputs: paths of images and ground truth, which do not: what counts is what is in them, by the digests in
            `settings`.
        base: path of the checkpoint that gives what the file of `checkpoint` lacks; None if it is whole.
        base_sha256: of that file; the path says nothing.
        domain: kind of images, of quality.
        batch_size: of memory; None where that makes no sense.
        metrics: names of the numbers that it gives, for records of failures.
    """

    kind: JobKind
    checkpoint: str
    subject: Subject
    settings: Mapping[str, Any]  # Any: JSON values
    inputs: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON values
    base: str | None = None
    base_sha256: str | None = None
    domain: str | None = None
    batch_size: int | None = None
    metrics: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What to call it while it runs."""
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
        """Read what `to_json` wrote.

        Raises:
            RecordError: something else.
        """
        try:
            document = json.loads(line)
            subject, metrics = Subject(**document.pop("subject")), tuple(document.pop("metrics"))
            return cls(subject=subject, metrics=metrics, **document)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordError(f"{line[:60]!r} is no job ({error})") from error
