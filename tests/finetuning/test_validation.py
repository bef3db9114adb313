"""Validation: what it measures."""

from __future__ import annotations

import torch

from samara.finetuning.validation import Sample, box_of_target, validate


def mask(*rows):
    return torch.tensor([[cell == "#" for cell in row] for row in rows])


def test_the_box_is_tight_and_exclusive():
    assert box_of_target(mask("....", ".##.", ".#..")).tolist() == [1, 1, 3, 3]


def test_a_set_without_objects_measures_nothing(tiny):
    sample = Sample(
        torch.zeros(256, 8, 8), torch.zeros(0, 32, 32, dtype=torch.bool), torch.ones(32, 32, dtype=torch.bool)
    )
    measured = validate(tiny.network, [sample])
    assert (measured.click_iou, measured.box_iou, measured.objects) == (0, 0, 0)


def test_every_object_counts_once(tiny):
    targets = torch.zeros(20, 32, 32, dtype=torch.bool)
    targets[:, 5:15, 5:20] = True
    sample = Sample(torch.randn(256, 8, 8), targets, torch.ones(32, 32, dtype=torch.bool))
    measured = validate(tiny.network, [sample, sample])
    assert measured.objects == 40
    assert 0 <= measured.click_iou <= 1
    assert 0 <= measured.box_iou <= 1
