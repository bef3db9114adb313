"""The measuring kernel: areas and boxes of masks that were upsampled."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from samara.images.preprocessing import Frame
from samara.masks.boxes import boxes_of_masks
from samara.segmentation.upsampling import Upsampling

pytest.importorskip("triton")


@pytest.mark.parametrize("size_hw", [(400, 300), (70, 500), (64, 64), (129, 128), (35, 32)])
@pytest.mark.parametrize("threshold", [0.0, 0.7])
def test_it_measures_what_upsampling_shows(device, size_hw, threshold):
    from samara.kernels.measuring import measure_masks, tile_of
    from samara.kernels.taps import Taps

    frame, side = Frame(size_hw, 128), 32
    smooth = torch.randn(5, 1, 6, 6, generator=torch.Generator().manual_seed(1)) * 3
    logits = F.interpolate(smooth, size=(side, side), mode="bicubic")[:, 0].contiguous().to(device)
    logits[3] -= 100
    logits[4, :, 8:] = -5
    taps = Upsampling(frame, side)
    rows, columns = (Taps(one.taps.first.to(device), one.taps.weights.to(device)) for one in (taps.rows, taps.columns))
    tile = tile_of(rows, columns, side)
    high, low, boxes = measure_masks(logits, rows, columns, threshold, 1.0, tile)
    upsampled = frame.to_original(logits)
    for found, limit in ((high, threshold + 1), (low, threshold - 1)):
        expected = (upsampled > limit).sum((1, 2))
        assert ((found - expected).abs() <= 1 + expected // 10_000).all()  # sums are rounded in another order
    assert torch.equal(boxes, boxes_of_masks(upsampled > threshold))
    assert not boxes[3].any()


def test_the_tile_depends_on_the_size_of_the_image(device):
    from samara.kernels.measuring import tile_of

    found = []
    for size_hw in ((1200, 1800), (400, 400), (200, 200)):
        axes = Upsampling(Frame(size_hw, 1024), 256)
        found.append(tile_of(axes.rows.taps, axes.columns.taps, 256))
    assert found == [128, 64, None]
