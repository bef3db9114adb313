"""Windows of enlarged logits are parts of the whole, and nothing exceeds the threshold outside them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from samara.images.preprocessing import Frame
from samara.masks.stability import stability_score
from samara.segmentation import upsampling as enlarging
from samara.segmentation.upsampling import Upsampling

SIZES = [(120, 180), (180, 120), (37, 200), (300, 400), (64, 64), (1, 50), (333, 7), (16, 16)]


def blobs(count, side, seed):
    """Smooth logits, mostly below zero, some near the border."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, count, 6, 6, generator=generator) * 4 - 3
    return F.interpolate(coarse, size=(side, side), mode="bicubic")[0]


FITS = [("pad", "bilinear"), ("squash", "bilinear"), ("squash", "bicubic")]


@pytest.mark.parametrize("fitting", FITS, ids=" ".join)
@pytest.mark.parametrize("size_hw", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(("threshold", "offset"), [(0.0, 0.0), (-1.0, 0.0), (0.5, 1.0)])
def test_windows_hold_the_whole_mask_and_its_stability(size_hw, threshold, offset, fitting):
    frame = Frame(size_hw, 128, *fitting)
    upsampling = Upsampling(frame, 32)
    logits = blobs(6, 32, seed=sum(size_hw))
    for low_res, whole in zip(logits, frame.to_original(logits), strict=True):
        window = upsampling.window(low_res, threshold, offset)
        found = np.zeros(size_hw, np.bool_)
        if window is not None:
            W, H = window.columns.shape  # noqa: N806
            found[window.y0 : window.y0 + H, window.x0 : window.x0 + W] = window.columns.T
        different = found != (whole > threshold).numpy()
        assert not (different & ((whole - threshold).abs() > 2e-5).numpy()).any()
        if offset and window is not None:
            expected = stability_score(whole[None], threshold, offset).item()
            assert window.stability == pytest.approx(expected, abs=2e-3)
        assert not (upsampling.mask(low_res, threshold).decode() != found).any()


def test_bicubic_logits_exceed_a_threshold_that_no_low_res_logit_exceeds():
    """Beside a deep valley they overshoot, far from where bilinear ones would be above."""
    frame = Frame((256, 256), 128, "squash", "bicubic")
    logits = torch.full((32, 32), -0.1)
    logits[:, 10] = -30.0
    whole = (frame.to_original(logits[None])[0] > 0).numpy()
    assert whole.sum() > 1000
    assert (Upsampling(frame, 32).mask(logits, 0.0).decode() == whole).all()


@pytest.mark.parametrize(
    ("frame", "most"), [(Frame((480, 640), 128), 100 * 100), (Frame((480, 640), 128, "squash", "bicubic"), 100 * 150)]
)
def test_windows_are_small_where_masks_are(frame, most):
    logits = torch.full((32, 32), -5.0)
    logits[10:12, 20:22] = 5.0
    window = Upsampling(frame, 32).window(logits, 0.0)
    assert window.columns.size < most


def test_nothing_above_the_threshold_is_no_window():
    upsampling = Upsampling(Frame((100, 200), 128), 32)
    assert upsampling.window(torch.full((32, 32), -1.0), 0.0) is None
    assert upsampling.window(torch.full((32, 32), -1.0), 0.0, 1.0) is None
    in_the_padding = torch.full((32, 32), -1.0)
    in_the_padding[-3:] = 9.0  # the image ends at row 16
    assert upsampling.window(in_the_padding, 0.0) is None
    assert upsampling.mask(in_the_padding, 0.0).area == 0


@pytest.mark.parametrize("block", [1, 30, 4096])
def test_blocks_do_not_change_the_mask(monkeypatch, block):
    monkeypatch.setattr(enlarging, "BLOCK", block)
    enlarging._axis.cache_clear()
    frame = Frame((50, 700), 128)
    logits = blobs(1, 32, seed=1) + 3.0
    window = Upsampling(frame, 32).window(logits[0], 0.0, 1.0)
    expected = (frame.to_original(logits)[0] > 0).numpy()
    assert (Upsampling(frame, 32).mask(logits[0], 0.0).decode() != expected).sum() <= 2
    assert window.columns.sum() == pytest.approx(expected.sum(), abs=2)
    enlarging._axis.cache_clear()
