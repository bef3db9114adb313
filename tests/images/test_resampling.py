"""Pillow's bilinear filter, bit by bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from samara.images.preprocessing import Frame, from_host_pixels, host_pixels
from samara.images.resampling import is_alike, resize_bilinear


@pytest.mark.parametrize(
    ("size_hw", "new_hw"),
    [
        ((120, 180), (68, 102)),
        ((120, 180), (241, 360)),
        ((180, 120), (102, 68)),
        ((1, 1), (9, 9)),
        ((333, 277), (332, 277)),
        ((50, 400), (3, 24)),
        ((64, 64), (64, 64)),
    ],
)
def test_it_gives_the_bits_of_pillow(size_hw, new_hw):
    image = np.random.default_rng(sum(size_hw)).integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    expected = np.array(Image.fromarray(image).resize(new_hw[::-1], Image.Resampling.BILINEAR))
    assert is_alike(size_hw, new_hw)
    np.testing.assert_array_equal(resize_bilinear(torch.from_numpy(image), new_hw).numpy(), expected)


@pytest.mark.parametrize(
    ("size_hw", "new_hw"), [((300, 100), (200, 200)), ((100, 300), (50, 200)), ((300, 100), (30, 10))]
)
def test_where_versions_of_pillow_differ_pillow_itself_resizes(size_hw, new_hw):
    assert not is_alike(size_hw, new_hw)


@pytest.mark.parametrize("size_hw", [(120, 180), (40, 30), (64, 48), (300, 100)])
@pytest.mark.parametrize("fit", ["pad", "squash"])
def test_a_device_prepares_the_same_input(size_hw, fit, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    image = np.random.default_rng(0).integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    frame = Frame(size_hw, 64, fit)
    by_host, left = (host_pixels(image, frame, is_pinned=pinned) for pinned in (False, True))
    numbers = (1.0, 2.0, 3.0), (4.0, 5.0, 6.0)
    assert torch.equal(from_host_pixels(left, frame, *numbers), from_host_pixels(by_host, frame, *numbers))
    assert by_host.shape[:2] == frame.resized_size_hw
