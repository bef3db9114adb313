"""Batches: balanced, and the same at a step however the leg got there."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from samara.images.preprocessing import Frame, to_network_input
from samara.networks.variants import VARIANTS
from training.batches import BREADTH, DOMAIN_SHARE, batches, chances, normalised
from training.examples import ExampleSettings
from training.validation import fitted

ALONE = "SAMARA_TEST_ALONE"
"""Set in the process that a test starts for itself."""


def test_domains_are_balanced(packed):
    images = np.arange(len(packed))
    chance = chances(packed, images)
    assert chance.sum() == np.float64(1) or abs(chance.sum() - 1) < 1e-12
    natural = packed.source_of == 0
    expected = DOMAIN_SHARE["natural"] / DOMAIN_SHARE["satellite"]
    assert abs(chance[natural].sum() / chance[~natural].sum() - expected) < 1e-9


def test_within_a_domain_breadth_counts_and_numbers_less(packed):
    """A source of everything with four images beside one of one kind with twelve."""
    packed = replace(packed, sources=("wood", "coco"))
    coco = packed.source_of == 1
    chance = chances(packed, np.arange(len(packed)))
    expected = BREADTH["coco"] * np.sqrt(coco.sum()) / np.sqrt((~coco).sum())
    assert abs(chance[coco].sum() / chance[~coco].sum() - expected) < 1e-9


def some(packed, first_step, count, workers=0):
    endless = batches(
        packed,
        np.arange(len(packed)),
        ExampleSettings(size=64),
        images=3,
        seed=1,
        first_step=first_step,
        workers=workers,
    )
    return list(islice(endless, count))


def assert_same(found, expected):
    for (pixels, batch), (other_pixels, other) in zip(found, expected, strict=True):
        assert pixels.equal(other_pixels)
        assert batch.targets.equal(other.targets)
        assert batch.image_of_prompt.equal(other.image_of_prompt)
        assert len(batch.targets) == len(batch.valid) == len(batch.image_of_prompt)


def test_a_leg_goes_on_with_the_batches_that_follow(packed):
    assert_same(some(packed, 0, 4)[2:], some(packed, 2, 2))


@pytest.mark.slow
def test_processes_read_the_same_batches(packed, request):
    """In a process of its own, because it forks: one full of other libraries' threads may not survive that."""
    if os.environ.get(ALONE):
        assert_same(some(packed, 0, 4, workers=1), some(packed, 0, 4))
        return
    command = [sys.executable, "-m", "pytest", "-q", "-m", "slow", "-p", "no:xdist", request.node.nodeid]
    done = subprocess.run(
        command, cwd=request.config.rootpath, env=os.environ | {ALONE: "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_images_are_normalised_as_in_prediction(packed):
    preprocessing = VARIANTS["vit_t"].preprocessing
    image = packed.image(0)
    pixels, (h, w) = fitted(image, 240)
    ours = normalised(torch.from_numpy(pixels)[None], preprocessing)
    frame = Frame((image.shape[0], image.shape[1]), 240)
    theirs = to_network_input(image, frame, preprocessing.mean, preprocessing.std, "cpu")
    assert (h, w) == frame.resized_size_hw
    assert (ours[..., :h, :w] - theirs[..., :h, :w]).abs().mean() < 0.1  # two filters for the same enlargement
