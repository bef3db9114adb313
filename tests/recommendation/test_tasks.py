"""The table of tasks, domains and weights."""

from __future__ import annotations

import pytest

from samara.recommendation.tasks import CRITERIA, DOMAINS, PROMPTS, TASKS, weights_of


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=lambda domain: domain.name)
@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_weights_sum_to_one(task, domain):
    assert sum(task.weights.values()) == pytest.approx(1)
    shifted = weights_of(task, domain)
    assert sum(shifted.values()) == pytest.approx(1)
    assert set(shifted) == set(CRITERIA)


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_demands_make_sense(task):
    assert task.comfortable_s < task.too_slow_s
    assert task.comfortable_s <= task.seconds <= task.too_slow_s
    assert 0.5 < task.min_quality < 1
    assert task.prompts
    assert set(task.prompts) <= set(PROMPTS)


def test_a_domain_shifts_what_it_names():
    task = TASKS["production"]
    assert weights_of(task, DOMAINS["natural"]) == pytest.approx(task.weights)
    assert weights_of(task, DOMAINS["medical"])["quality"] > task.weights["quality"]
    assert weights_of(task, DOMAINS["driving"])["speed"] > task.weights["speed"]
    for domain in DOMAINS.values():
        assert set(domain.factors) <= set(CRITERIA)
