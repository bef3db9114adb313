"""Pareto front of costs and gains."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(costs: Sequence[float], gains: Sequence[float]) -> list[int]:
    """Find the points that no other point dominates.

    A point is dominated if another costs no more, gains no less, and is better in at least one of the two. Equal points
    are either all in the front or all out of it.

    Args:
        costs: cost of each point; lower is better.
        gains: gain of each point; higher is better.

    Returns:
        Indices of the front, by ascending cost, then by index.
    """
    front: list[int] = []
    best: tuple[float, float] | None = None  # gain and cost of the last point in the front
    for index in sorted(range(len(costs)), key=lambda one: (costs[one], -gains[one], one)):
        if best is None or gains[index] > best[0] or (gains[index], costs[index]) == best:
            front.append(index)
            best = gains[index], costs[index]
    return front
