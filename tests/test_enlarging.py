"""Windows of enlarged logits are parts of the whole, and nothing exceeds the threshold outside them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from samara.enlarging import Enlargement
from samara.preprocessing import Frame

SIZES = [(120, 180), (180, 120), (37, 200), (300, 400), (64, 64), (1, 50), (333, 7), (16, 16)]


def blobs(count, side, seed):
    """Smooth logits, mostly below zero, some near the border."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, count, 6, 6, generator=generator) * 4 - 3
    return F.interpolate(coarse, size=(side, side), mode="bicubic")[0]


@pytest.mark.parametrize("size_hw", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("threshold", [-1.0, 0.0, 1.0])
def test_windows_hold_everything_above_the_threshold(size_hw, threshold):
    frame = Frame(size_hw, 128)
    enlargement = Enlargement(frame, 32)
    logits = blobs(6, 32, seed=sum(size_hw))
    for low_res, whole in zip(logits, frame.to_original(logits), strict=True):
        rest = whole.clone()
        window = enlargement.window_above(low_res, threshold)
        if window is not None:
            W, H = window.columns.shape  # noqa: N806
            part = (slice(window.y0, window.y0 + H), slice(window.x0, window.x0 + W))
            torch.testing.assert_close(window.columns.T, whole[part], rtol=0, atol=2e-5)
            rest[part] = threshold - 1
        assert rest.max().item() <= threshold + 1e-5


def test_windows_are_small_where_masks_are():
    logits = torch.full((32, 32), -5.0)
    logits[10:12, 20:22] = 5.0
    window = Enlargement(Frame((480, 640), 128), 32).window_above(logits, 0.0)
    assert window.columns.numel() < 100 * 100


def test_nothing_above_the_threshold_is_no_window():
    enlargement = Enlargement(Frame((100, 200), 128), 32)
    assert enlargement.window_above(torch.full((32, 32), -1.0), 0.0) is None
    in_the_padding = torch.full((32, 32), -1.0)
    in_the_padding[-3:] = 9.0  # the picture ends at row 16
    assert enlargement.window_above(in_the_padding, 0.0) is None


def test_wide_windows_are_made_in_pieces():
    frame = Frame((50, 700), 128)  # wider than the columns made at once
    logits = blobs(1, 32, seed=1) + 9.0
    window = Enlargement(frame, 32).window_above(logits[0], 0.0)
    torch.testing.assert_close(window.columns.T, frame.to_original(logits)[0], rtol=0, atol=1e-4)
