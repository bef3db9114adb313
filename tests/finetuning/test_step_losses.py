"""Losses of steps: the mean of all, read in groups where reading waits."""

from __future__ import annotations

import torch

from samara.finetuning import step_losses
from samara.finetuning.step_losses import StepLosses
from tests.host_waits import host_waits

VALUES = [3.0, 1.0, 2.5, 0.25, 7.0]


def test_on_a_processor_every_step_counts_at_once():
    losses = StepLosses()
    for count, value in enumerate(VALUES, start=1):
        losses.add(torch.tensor(value, dtype=torch.float64))
        assert losses.recent_mean == losses.mean == sum(VALUES[:count]) / count
        assert len(losses) == count


def test_on_a_device_it_is_read_now_and_then(monkeypatch):
    monkeypatch.setattr(step_losses, "READ_EVERY", 2)
    reads = []

    def stacked(waiting):
        reads.append(len(waiting))
        return torch.tensor([value for _, value in waiting])

    class Number(tuple):
        device = torch.device("cuda")

    monkeypatch.setattr(torch, "stack", stacked)
    losses, means = StepLosses(), []
    for value in VALUES:
        losses.add(Number(("loss", value)))
        means.append(losses.recent_mean)
    assert reads == [1, 2, 2]
    assert means == [3.0, 3.0, sum(VALUES[:3]) / 3, sum(VALUES[:3]) / 3, sum(VALUES) / 5]
    assert losses.mean == sum(VALUES) / 5
    assert reads == [1, 2, 2]


def test_adding_waits_for_nothing():
    losses = StepLosses()
    with host_waits() as waits:
        losses.add(torch.ones(()))
    assert not waits
