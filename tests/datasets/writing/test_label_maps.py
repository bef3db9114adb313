"""Label maps and the images made of them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from samara.datasets.writing.label_maps import meter_overlaps, palette_png, topmost, voc_colour
from samara.datasets.writing.staged_writer import LossMeter
from samara.images.encode import grey_png
from tests.datasets.awkward import BORDER, EMPTY, HOLE, annotated, pixel


def test_small_lies_on_top():
    labels = topmost(annotated([HOLE, BORDER, EMPTY, pixel(4, 4)]))
    expected = np.where(HOLE, 0, 1)
    expected[4, 4] = 3
    np.testing.assert_array_equal(labels, expected)
    assert (topmost(annotated([])) == -1).all()
    assert topmost(annotated([])).shape == (20, 30)


def test_what_is_covered_is_told():
    image, meter = annotated([pixel(4, 4), pixel(4, 4), BORDER, EMPTY]), LossMeter()
    seen = meter_overlaps(meter, image, topmost(image))
    assert seen.tolist() == [1, 0, 599, 0]
    losses = meter.losses
    assert (losses.masks, losses.changed, losses.left_out) == (4, 3, 2)
    assert (losses.worst_iou, losses.worst) == (0.0, "a.png, mask 1")
    assert losses.mean_iou == pytest.approx((1 + 0 + 599 / 600) / 3)


@pytest.mark.parametrize(("largest", "mode"), [(0, "L"), (255, "L"), (256, "I;16"), (65535, "I;16")])
def test_grey_in_as_many_bits_as_needed(largest, mode):
    numbers = np.array([[0, largest // 2], [largest, 1]])
    image = Image.open(io.BytesIO(grey_png(numbers, largest)))
    assert image.mode == mode
    np.testing.assert_array_equal(np.array(image), numbers)


def test_palette_keeps_numbers_and_has_vocs_colours():
    numbers = np.arange(256).reshape(16, 16)
    image = Image.open(io.BytesIO(palette_png(numbers)))
    assert image.mode == "P"
    np.testing.assert_array_equal(np.array(image), numbers)
    colours = np.array(image.convert("RGB")).reshape(-1, 3).tolist()
    # From the VOC 2012 development kit: background, aeroplane, bicycle, ..., cow, tv monitor, void.
    known = {0: [0, 0, 0], 1: [128, 0, 0], 2: [0, 128, 0], 10: [64, 128, 0], 20: [0, 64, 128], 255: [224, 224, 192]}
    for number, colour in known.items():
        assert colours[number] == list(voc_colour(number)) == colour
