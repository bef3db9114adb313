"""Resizing by splines: scikit-image's own results, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from samara.images.spline import resize_by_spline

# scikit-image 0.26: transform.resize(image, size, order=3, preserve_range=True, anti_aliasing=True), four decimals, of
# PCG64(seed).integers(0, 256, (H, W, 3)); the keys are HxW-hxw-seed.
REFERENCE = json.loads((Path(__file__).parent / "resized_by_scikit_image.json").read_text())


@pytest.mark.parametrize("key", REFERENCE)
def test_the_pixels_of_scikit_image(key):
    original, wanted, seed = key.split("-")
    size, wanted = ([int(number) for number in part.split("x")] for part in (original, wanted))
    image = np.random.Generator(np.random.PCG64(int(seed))).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert resize_by_spline(image, tuple(wanted)).tolist() == np.floor(REFERENCE[key]).tolist()


@pytest.mark.parametrize("value", [0, 3, 200, 255])
def test_an_image_of_one_colour_keeps_it(value):
    image = np.full((50, 31, 3), value, np.uint8)
    for size in ((17, 64), (64, 17)):
        assert (resize_by_spline(image, size) == value).all()


def test_the_same_size_keeps_the_pixels():
    image = np.random.default_rng(0).integers(0, 256, (9, 14, 3), dtype=np.uint8)
    assert (resize_by_spline(image, (9, 14)) == image).all()
