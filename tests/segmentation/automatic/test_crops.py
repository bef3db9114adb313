"""Crops: the official geometry, and images too small for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samara.segmentation.automatic.crops import crops_of


def test_no_layer_is_the_whole_image():
    (crop,) = crops_of((20, 30), 0, 0.34)
    assert (crop.box_xyxy, crop.layer, crop.size_hw) == ((0, 0, 30, 20), 0, (20, 30))


@pytest.mark.parametrize(("layers", "count"), [(1, 5), (2, 21), (3, 85)])
def test_layer_i_has_4_to_the_i_crops(layers, count):
    assert len(crops_of((1200, 1800), layers, 512 / 1500)) == count


def test_the_official_crops_of_the_truck():
    # The crop boxes of the official generator, see tests/parity/golden/amg_crops.json.
    boxes = [crop.box_xyxy for crop in crops_of((1200, 1800), 1, 512 / 1500)]
    assert boxes == [
        (0, 0, 1800, 1200),
        (0, 0, 1105, 805),
        (0, 396, 1105, 1200),
        (696, 0, 1800, 805),
        (696, 396, 1800, 1200),
    ]


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 3), st.floats(0, 0.9))
def test_every_layer_covers_the_image(height, width, layers, overlap):
    crops = crops_of((height, width), layers, overlap)
    for layer in range(layers + 1):
        covered = np.zeros((height, width), dtype=bool)
        for crop in crops:
            if crop.layer == layer:
                x0, y0, x1, y1 = crop.box_xyxy
                assert 0 <= x0 < x1 <= width
                assert 0 <= y0 < y1 <= height
                covered[y0:y1, x0:x1] = True
        assert covered.all()
