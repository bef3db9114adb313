"""Scores by predicted IoU and by stability. All places that use them: tests/segmentation/test_ranking.py."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from samara.masks.stability import stability_score
from samara.networks.ranking import scores, scores_of, stability, worth_drawing

LOGITS = torch.linspace(-3, 3, 64).view(1, 2, 4, 8).repeat(2, 1, 1, 1)
IOU = torch.tensor([[0.1, 0.2], [0.9, 0.3]])


def test_predicted_iou_decides_before_drawing():
    assert scores("predicted IoU", LOGITS, IOU) is IOU
    assert worth_drawing("predicted IoU", IOU, 0.5).tolist() == [False, True]


def test_stability_needs_the_masks():
    found = scores("stability", LOGITS, IOU)
    torch.testing.assert_close(found.flatten(), stability_score(LOGITS.flatten(0, 1), 0.0, 1.0))
    assert worth_drawing("stability", IOU, 0.5).tolist() == [True, True]


def test_an_empty_mask_is_not_stable():
    assert stability(torch.full((1, 1, 4, 4), -9.0), 0.0, 1.0).tolist() == [[0.0]]


@pytest.mark.parametrize("threshold", [0.0, 0.2])
def test_stability_is_that_of_mask_generation(threshold):
    torch.testing.assert_close(stability(LOGITS[0], threshold, 0.5), stability_score(LOGITS[0], threshold, 0.5))


def test_a_foreign_decoder_has_its_own_estimate():
    assert scores_of(nn.Identity(), LOGITS, IOU) is IOU
