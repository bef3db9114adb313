"""Masks in windows are the masks in batches, which are resized whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from samara.images.preprocessing import Frame
from samara.segmentation.automatic import stable_masks as module
from samara.segmentation.automatic.stable_masks import stable_masks


def logits(count, seed):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, count, 5, 5, generator=generator) * 6 - 4
    return F.interpolate(coarse, size=(64, 64), mode="bicubic")[0]


@pytest.mark.parametrize("size_hw", [(150, 200), (200, 97)])
@pytest.mark.parametrize("min_stability", [0.0, 0.8, 1.1])
def test_windows_give_what_batches_give(monkeypatch, size_hw, min_stability):
    frame = Frame(size_hw, 256)
    given = torch.cat([logits(12, 5), torch.full((1, 64, 64), -9.0), torch.full((1, 64, 64), -0.5)])
    arguments = {"threshold": 0.0, "offset": 1.0, "min_stability": min_stability}
    found = stable_masks(given, frame, **arguments)
    monkeypatch.setattr(module, "_in_windows", module._in_batches)
    expected = stable_masks(given, frame, **arguments)
    np.testing.assert_array_equal(found.index, expected.index)
    np.testing.assert_allclose(found.stability, expected.stability, atol=2e-4)
    for mask, whole in zip(found.rles, expected.rles, strict=True):
        assert (mask.decode() != whole.decode()).sum() <= 2  # a logit within rounding of the threshold
    assert len(found.rles) == {0.0: 12, 1.1: 0}.get(min_stability, len(found.rles))


def test_no_logits_give_no_masks():
    found = stable_masks(torch.zeros(0, 64, 64), Frame((10, 20), 256), threshold=0.0, offset=1.0, min_stability=0.0)
    assert found.rles == ()
    assert found.index.shape == found.stability.shape == (0,)
