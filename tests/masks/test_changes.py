"""Changes on a device are those that NumPy finds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from samara.masks import changes as module
from samara.masks.changes import changes, changes_on_device


def test_changes_are_in_column_order():
    mask = np.array([[1, 0, 1], [1, 0, 1], [0, 1, 1]], bool)
    assert changes(mask).tolist() == [0, 2, 5]


@pytest.mark.parametrize("chunk_pixels", [1, 300, 1 << 25])
def test_a_device_finds_the_same(monkeypatch, chunk_pixels):
    monkeypatch.setattr(module, "CHUNK_PIXELS", chunk_pixels)
    masks = torch.rand(3, 17, 11, generator=torch.Generator().manual_seed(0)) > 0.6
    expected = np.concatenate([changes(mask.numpy()) + index * 17 * 11 for index, mask in enumerate(masks)])
    np.testing.assert_array_equal(changes_on_device(masks).numpy(), expected)
