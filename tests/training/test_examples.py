"""Examples: masks stay on their objects whatever is done to the image."""

from __future__ import annotations

import numpy as np

from training.examples import MIN_CELLS, ExampleSettings, make_example


def test_masks_stay_on_their_objects(packed):
    random = np.random.default_rng(3)
    seen = 0
    for _ in range(60):
        settings = ExampleSettings(size=128, objects=3, paste_probability=0.0)
        example = make_example(packed, int(random.integers(len(packed))), settings, random)
        assert example.pixels.shape == (128, 128, 3)
        assert example.valid.shape == (32, 32)
        assert len(example.targets) <= 3
        brightness = example.pixels.astype(float).max(2).reshape(32, 4, 32, 4).mean((1, 3))
        for target in example.targets:
            assert target.sum() >= MIN_CELLS
            assert not (target & ~example.valid).any()
            outside = example.valid & ~np.logical_or.reduce(example.targets)
            inner = (
                target & np.roll(target, 1, 0) & np.roll(target, -1, 0) & np.roll(target, 1, 1) & np.roll(target, -1, 1)
            )
            if inner.any() and outside.any():
                assert brightness[inner].mean() > brightness[outside].mean()
                seen += 1
    assert seen > 50


def test_a_pasted_object_comes_first_and_hides_what_lies_behind(packed):
    settings = ExampleSettings(size=128, objects=6, paste_probability=1.0, smallest_window=1.0)
    overlaps = 0
    for seed in range(20):
        example = make_example(packed, seed % len(packed), settings, np.random.default_rng(seed))
        if len(example.targets):
            counts = example.targets.sum(0)
            overlaps += int((counts > 1).sum())
    assert overlaps <= 20  # cells of the coarse grid that two objects half cover


def test_the_same_seed_gives_the_same_example(packed):
    settings = ExampleSettings(size=64)
    a, b, c = (make_example(packed, 1, settings, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert (a.pixels == b.pixels).all()
    assert (a.targets == b.targets).all()
    assert not (a.pixels == c.pixels).all()
