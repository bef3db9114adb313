"""The settings of an evaluation, declared once: function, command line and records derive from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from samara.errors import SettingsError
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.measurement.records.metrics import MEASURES, Measure

DOMAIN = "all"
"""Kind of images, where nobody says which."""


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """What is asked, and how much of it.

    Attributes:
        measures: what is asked; see `samara.measurement.evaluation.protocols`.
        objects: most objects per image that are prompted, at least 1; None for all. "everything" always counts all.
        images: most images per source, at least 1; None for all.
        everything_images: most images per source for "everything", which takes longest; None for all.
        points_per_side: grid of "everything", at least 1.
        seed: of everything random: the choice of images and objects, clicks, jitter and bootstrap. Each is drawn
            from the seed, the image's name and the object's mask, so that it does not depend on the order, nor on
            what else is in the file.
        failures: worst answers to list for each kind of prompt, at least 0.
        reading: how images are read.
    """

    measures: tuple[Measure, ...] = MEASURES
    objects: int | None = 10
    images: int | None = None
    everything_images: int | None = 10
    points_per_side: int = 32
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
        """What the numbers depend on, as plain values; which failures are shown is none of it."""
        facts = asdict(self) | {"measures": list(self.measures)}
        del facts["failures"], facts["reading"]
        return facts | self.reading.facts()

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> EvaluationSettings:  # Any: JSON values
        """Read what `as_json` gave; other entries are left out."""
        known = {field.name: facts[field.name] for field in fields(cls) if field.name in facts}
        return cls(**known | {"measures": tuple(facts["measures"]), "reading": ImageReading.from_facts(facts)})
