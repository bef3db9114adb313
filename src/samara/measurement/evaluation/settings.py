"""Settings of an evaluation; function, command line and records derive from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from samara.errors import SettingsError
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.measurement.records.metrics import MEASURES, Measure

DOMAIN = "all"
"""Default kind of images."""


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """Measures of an evaluation and their extent.

    Attributes:
        measures: measures to take; see `samara.measurement.evaluation.protocols`.
        objects: prompt at most this many objects per image, at least 1; None for all. "everything" always counts all.
        images: measure on at most this many images per source, at least 1; None for all.
        everything_images: measure "everything", the slowest, on at most this many images per source; None for all.
        points_per_side: search "everything" with this many points per side, at least 1; None for the checkpoint's own,
            which `segment` uses.
        seed: draw everything random with this seed: the choice of images and objects, clicks, jitter and bootstrap.
            Each draw depends on the seed, the image's name and the object's mask, so it is independent of order and of
            other content of the file.
        failures: show this many of the worst and of the best masks for each kind of prompt, at least 0.
        reading: options for reading images.
    """

    measures: tuple[Measure, ...] = MEASURES
    objects: int | None = 10
    images: int | None = None
    everything_images: int | None = 10
    points_per_side: int | None = None
    seed: int = 0
    failures: int = 6
    reading: ImageReading = AS_THEY_ARE

    def __post_init__(self) -> None:
        unknown = [measure for measure in self.measures if measure not in MEASURES]
        if unknown or not self.measures:
            told = repr(unknown[0]) if unknown else "nothing"
            raise SettingsError(f"{told} cannot be measured; choose from {', '.join(MEASURES)}")
        for name in ("objects", "images", "everything_images", "points_per_side"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingsError(f"{name} is {value}; it must be at least 1")
        if self.failures < 0:
            raise SettingsError(f"failures is {self.failures}; it must be at least 0")

    def as_json(self) -> dict[str, Any]:  # Any: JSON values
        """Return the settings that affect the numbers, as plain values; `failures` does not."""
        facts = asdict(self) | {"measures": list(self.measures)}
        del facts["failures"], facts["reading"]
        return facts | self.reading.facts()

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> EvaluationSettings:  # Any: JSON values
        """Restore the result of `as_json`; ignores other entries."""
        known = {field.name: facts[field.name] for field in fields(cls) if field.name in facts}
        return cls(**known | {"measures": tuple(facts["measures"]), "reading": ImageReading.from_facts(facts)})
