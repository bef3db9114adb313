"""Masks against their definition, pixel by pixel in float64."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from samara.segmentation.instances import masks
from samara.segmentation.instances.letterbox import Letterbox
from samara.segmentation.instances.masks import mask_in_box


def prototypes_of(letterbox, seed=0, *, smooth=False):
    generator = torch.Generator().manual_seed(seed)
    h, w = (side // 4 for side in letterbox.padded_size_hw)
    coarse = (max(1, h // 6), max(1, w // 6)) if smooth else (h, w)
    values = torch.randn(1, 32, *coarse, generator=generator)
    return F.interpolate(values, size=(h, w), mode="bilinear")[0], torch.randn(32, generator=generator)


def logits_by_hand(prototypes, coefficients, letterbox):
    """Every pixel of the image: where its centre lies among the cells of the image, and the mean of four cells."""
    cells = np.tensordot(coefficients.double().numpy(), prototypes.double().numpy(), 1)
    (height, width), (h, w) = letterbox.original_size_hw, letterbox.resized_size_hw
    left, top = letterbox.corner_xy
    logits = np.empty((height, width))
    for row in range(height):
        y = position(row, h / height, top, h)
        for column in range(width):
            x = position(column, w / width, left, w)
            x0, y0 = math.floor(x), math.floor(y)
            x1, y1 = math.ceil(x), math.ceil(y)
            upper = cells[y0, x0] * (1 - (x - x0)) + cells[y0, x1] * (x - x0)
            lower = cells[y1, x0] * (1 - (x - x0)) + cells[y1, x1] * (x - x0)
            logits[row, column] = upper * (1 - (y - y0)) + lower * (y - y0)
    return logits


def position(pixel, scale, corner, length):
    cell = ((pixel + 0.5) * scale + corner) / 4 - 0.5
    lowest = math.ceil(corner / 4 - 0.5)
    return min(max(cell, lowest), max(lowest, math.floor((corner + length) / 4 - 0.5)))


@pytest.mark.parametrize(
    ("size_hw", "side"),
    [((60, 90), 64), ((37, 23), 96), ((128, 128), 128), ((20, 200), 64), ((5, 300), 32), ((70, 31), 64)],
)
@pytest.mark.parametrize("strip", [1, 700, 16 << 20], ids=["rows", "strips", "whole"])
def test_masks_are_their_definition(size_hw, side, strip, monkeypatch):
    monkeypatch.setattr(masks, "STRIP_BYTES", strip)
    letterbox = Letterbox(size_hw, side)
    prototypes, coefficients = prototypes_of(letterbox, seed=side)
    logits = logits_by_hand(prototypes, coefficients, letterbox)
    rng = np.random.default_rng(side)
    whole = np.array(size_hw[::-1])
    boxes = [(0, 0, *whole), (0.3, 0.2, *(whole - [0.4, 0.7])), (1, 1, 2, 2)]
    boxes += [(*rng.uniform(0, whole / 2), *rng.uniform(whole / 2, whole)) for _ in range(4)]
    for box in boxes:
        x0, y0, x1, y1 = box
        columns, rows = np.arange(size_hw[1]), np.arange(size_hw[0])
        inside = ((columns >= x0) & (columns < x1))[None] & ((rows >= y0) & (rows < y1))[:, None]
        rle = mask_in_box(prototypes, coefficients, np.array(box, dtype=np.float64), letterbox)
        mask = np.zeros(size_hw, dtype=bool) if rle is None else rle.decode()
        clear = np.abs(logits) > 1e-4
        assert np.array_equal(mask & clear, inside & (logits > 0) & clear)
        assert not (mask & ~inside).any()
        assert (rle is None) == (not mask.any())


@pytest.mark.parametrize("size_hw", [(128, 128), (300, 300), (512, 256), (64, 128)])
def test_without_padding_it_is_the_usual_bilinear_upsampling(size_hw):
    letterbox = Letterbox(size_hw, 128)
    assert letterbox.corner_xy == (0, 0)
    prototypes, coefficients = prototypes_of(letterbox, smooth=True)
    wanted = F.interpolate(
        torch.einsum("p,phw->hw", coefficients, prototypes)[None, None], size=size_hw, mode="bilinear"
    )[0, 0]
    rle = mask_in_box(prototypes, coefficients, np.array([0, 0, size_hw[1], size_hw[0]], dtype=float), letterbox)
    clear = (wanted.abs() > 1e-4).numpy()
    assert np.array_equal(rle.decode() & clear, (wanted > 0).numpy() & clear)


def test_nothing_positive_is_none():
    letterbox = Letterbox((64, 64), 64)
    prototypes, coefficients = torch.ones(32, 16, 16), -torch.ones(32)
    assert mask_in_box(prototypes, coefficients, np.array([0.0, 0, 64, 64]), letterbox) is None


@pytest.mark.parametrize("box", [(3.0, 3.0, 3.0, 9.0), (3.2, 3.2, 3.9, 9.0), (9.0, 3.0, 2.0, 5.0)])
def test_a_box_without_a_pixel_is_none(box):
    letterbox = Letterbox((64, 64), 64)
    assert mask_in_box(torch.ones(32, 16, 16), torch.ones(32), np.array(box), letterbox) is None


def test_a_large_image_costs_a_byte_per_pixel_and_two_strips():
    """numpy's and the mask's own bytes are traced; PyTorch's strips are bounded by their number of rows."""
    letterbox = Letterbox((3000, 4000), 640)
    prototypes, coefficients = prototypes_of(letterbox, smooth=True)
    rows = []
    real = masks._Samples.mix

    def mix(self, values, dim, pixels=slice(None)):
        mixed = real(self, values, dim, pixels)
        rows.append(mixed.numel() * 4)
        return mixed

    masks._Samples.mix, before = mix, real
    tracemalloc.start()
    try:
        mask_in_box(prototypes, coefficients, np.array([0.0, 0, 4000, 3000]), letterbox)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        masks._Samples.mix = before
    assert max(rows) <= masks.STRIP_BYTES
    assert peak < 60e6
