"""A number with its certainty and its basis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

Certainty = Literal["measured here", "measured elsewhere", "published", "rule of thumb"]

CERTAINTIES: tuple[Certainty, ...] = ("measured here", "measured elsewhere", "published", "rule of thumb")
"""From the most to the least certain. A derived number is as certain as the least certain of its inputs."""


@dataclass(frozen=True)
class Statement:
    """One number about one checkpoint on one machine.

    Attributes:
        value: value in seconds, bytes, or as a fraction, depending on the field.
        certainty: reliability of the number.
        basis: basis of the number, a clause without a full stop.
    """

    value: float
    certainty: Certainty
    basis: str

    def as_dict(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return asdict(self)


def least_sure(certainties: Iterable[Certainty]) -> Certainty:
    """Return the least certain of at least one."""
    return max(certainties, key=CERTAINTIES.index)
