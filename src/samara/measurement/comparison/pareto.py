"""The Pareto front: those that nothing else beats in one respect without losing in the other."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(costs: Sequence[float], gains: Sequence[float]) -> list[int]:
    """Find the points that no other dominates.

    A point is dominated if another costs no more and gains no less, and is better in one of both. Equal points stand
    or fall together.

    Args:
        costs: of each point, lower is better.
        gains: of each point, higher is better; as many.

    Returns:
        Positions of the front, by rising cost, then by position.
    """
    front: list[int] = []
    best: tuple[float, float] | None = None  # gain and cost of the last that stood
    for index in sorted(range(len(costs)), key=lambda one: (costs[one], -gains[one], one)):
        if best is None or gains[index] > best[0] or (gains[index], costs[index]) == best:
            front.append(index)
            best = gains[index], costs[index]
    return front
