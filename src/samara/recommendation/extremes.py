"""The fastest and the best of several checkpoints, to be named where none meets what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samara.recommendation.rules import Candidate, seconds
from samara.recommendation.statement import Statement


@dataclass(frozen=True)
class Contender:
    """A checkpoint that could do the work.

    Attributes:
        candidate: the checkpoint and its needs.
        quality: quality relative to SAM ViT-H; None if unknown.
    """

    candidate: Candidate
    quality: Statement | None

    @property
    def name(self) -> str:
        """Its name."""
        return self.candidate.checkpoint.name

    @property
    def seconds(self) -> float:
        """Its time per image."""
        return self.candidate.needs.seconds.value

    @property
    def told(self) -> str:
        """Its time and quality, in brackets."""
        quality = "quality unknown" if self.quality is None else f"quality {self.quality.value:.2f}"
        return f"{self.name} ({seconds(self.seconds)}, {quality})"


def fastest_and_best(contenders: Sequence[Contender]) -> str:
    """Name the fastest and the best as clauses of a sentence; of equals, the one of known quality, then the faster."""
    fastest = min(contenders, key=lambda one: (one.seconds, one.quality is None, one.name))
    known = [one for one in contenders if one.quality is not None]
    best = max(known, key=lambda one: (one.quality.value if one.quality else 0.0, -one.seconds), default=None)
    if best is None:
        return f"the fastest is {fastest.told}"
    if best.name == fastest.name:
        return f"the fastest and the best is {fastest.told}"
    return f"the fastest is {fastest.told}, the best {best.told}"
