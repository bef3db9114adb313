"""A number with how sure it is and what it rests on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

Certainty = Literal["measured here", "measured elsewhere", "published", "rule of thumb"]

CERTAINTIES: tuple[Certainty, ...] = ("measured here", "measured elsewhere", "published", "rule of thumb")
"""From the surest to the least sure. A number that is made of several is as sure as the least sure of them."""


@dataclass(frozen=True)
class Statement:
    """One number about one checkpoint on one machine.

    Attributes:
        value: in seconds, bytes, or as a fraction; the name of the field that holds it says which.
        certainty: how sure it is.
        basis: what it rests on, a clause without a full stop.
    """

    value: float
    certainty: Certainty
    basis: str

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return asdict(self)


def least_sure(certainties: Iterable[Certainty]) -> Certainty:
    """The least sure of at least one."""
    return max(certainties, key=CERTAINTIES.index)
