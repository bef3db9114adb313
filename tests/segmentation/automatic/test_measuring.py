"""Boxes and stability of many masks: those of masks at the image's size."""

from __future__ import annotations

import pytest
import torch

from samara.images.preprocessing import Frame
from samara.masks.boxes import boxes_of_masks
from samara.masks.stability import stability_score
from samara.segmentation import predictor
from samara.segmentation.automatic.measuring import measured
from samara.segmentation.upsampling import Upsampling


@pytest.mark.parametrize("per_piece", [1, 3, 100])
def test_they_are_those_of_upsampled_masks(per_piece, monkeypatch):
    frame = Frame((60, 90), 64)
    monkeypatch.setattr(predictor, "FULL_SIZE_BYTES", 4 * per_piece * 60 * 90)
    logits = torch.randn(7, 16, 16, generator=torch.Generator().manual_seed(0)) * 3
    boxes, stability = measured(logits, frame, 0.5, 1.0)
    upsampled = frame.to_original(logits)
    assert torch.equal(boxes, boxes_of_masks(upsampled > 0.5))
    assert torch.equal(stability, stability_score(upsampled, 0.5, 1.0))


@pytest.mark.parametrize("size_hw", [(60, 90), (500, 41), (64, 64)])
@pytest.mark.parametrize("fit", ["pad", "squash"])
def test_taps_are_the_rows_of_the_matrix(size_hw, fit):
    upsampling = Upsampling(Frame(size_hw, 64, fit), 16)
    for axis in (upsampling.rows, upsampling.columns):
        again = torch.zeros_like(axis.matrix)
        for tap in range(axis.taps.weights.shape[1]):
            place = (axis.taps.first.long() + tap).clamp(max=15)
            again[torch.arange(len(place)), place] += axis.taps.weights[:, tap]
        torch.testing.assert_close(again, axis.matrix)
        assert (axis.taps.weights >= 0).all()
