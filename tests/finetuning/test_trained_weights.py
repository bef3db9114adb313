"""The moving average, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from samara.finetuning.trained_weights import MovingAverage


def test_the_average_follows_the_formula():
    weight = nn.Parameter(torch.tensor([0.0]))
    average = MovingAverage({"w": weight}, decay=0.5)
    expected = 0.0
    for step, value in enumerate((1.0, 3.0, -2.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0), start=1):
        with torch.no_grad():
            weight.fill_(value)
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))  # the first steps weigh the past by 2/11, 3/12, ...
        expected = decay * expected + (1 - decay) * value
        assert average.values["w"].item() == pytest.approx(expected, rel=1e-6)


def test_the_network_has_the_average_for_a_while_only():
    weight = nn.Parameter(torch.tensor([1.0]))
    average = MovingAverage({"w": weight}, decay=0.9)
    with torch.no_grad():
        weight.fill_(5.0)
    with average.in_place():
        assert weight.item() == 1.0
    assert weight.item() == 5.0


def test_saved_values_are_gone_on_from():
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    saved = MovingAverage({"w": weight}, decay=0.9)
    with torch.no_grad():
        weight.zero_()
    saved.update(1)
    again = MovingAverage({"w": weight}, decay=0.9)
    again.load(saved.values)
    assert again.values["w"].equal(saved.values["w"])
    assert not again.values["w"].equal(weight)
