"""The Pareto front against its definition."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from samara.measurement.comparison.pareto import pareto_front


def by_definition(costs, gains):
    def dominated(one):
        return any(
            costs[other] <= costs[one]
            and gains[other] >= gains[one]
            and (costs[other] < costs[one] or gains[other] > gains[one])
            for other in range(len(costs))
        )

    return {one for one in range(len(costs)) if not dominated(one)}


@pytest.mark.parametrize("seed", range(40))
def test_it_is_what_nothing_dominates(seed):
    rng = np.random.default_rng(seed)
    costs, gains = rng.integers(0, 8, (2, int(rng.integers(1, 25)))).tolist()  # many ties
    found = pareto_front(costs, gains)
    assert set(found) == by_definition(costs, gains)
    assert len(set(found)) == len(found)
    assert all(costs[left] <= costs[right] for left, right in pairwise(found))


def test_nothing_has_no_front():
    assert pareto_front([], []) == []
