"""Families other than SAM learn, too: every kind of training, on small networks."""

from __future__ import annotations

import dataclasses

import pytest

from samara.finetuning.loop import fine_tune
from tests.engines.conftest import small
from tests.finetuning.conftest import FEW_STEPS, draw

FAMILIES = [
    ("sam2.1_hiera_t", 128),
    ("efficientvit_sam_l0", 64),
    ("efficient_sam_ti", 128),
    ("lite_medsam", 128),
    # These have the decoders of others.
    *(
        pytest.param(name, size, marks=pytest.mark.slow)
        for name, size in (("sam2.1_hq_hiera_l", 128), ("edge_sam", 64), ("repvit_sam", 64), ("sam_med2d_b", 128))
    ),
]


@pytest.mark.parametrize(("name", "input_size"), FAMILIES)
@pytest.mark.parametrize(
    "trained", ["decoder", *(pytest.param(how, marks=pytest.mark.slow) for how in ("lora", "everything"))]
)
def test_it_learns(name, input_size, trained, tmp_path):
    """The loss falls, what is kept is the best, and batch norms keep their statistics."""
    image = draw(1, tmp_path, objects=2, size=(64, 96))
    loaded = small(name, input_size)
    statistics = {name: one.clone() for name, one in loaded.sam.named_buffers() if "running" in name}
    assert bool(statistics) == (name in ("efficientvit_sam_l0", "edge_sam", "repvit_sam", "lite_medsam"))
    settings = dataclasses.replace(FEW_STEPS, trained=trained, epochs=8, lora_rank=2)
    result = fine_tune(loaded, [image], [image], tmp_path / "mine.safetensors", settings)
    losses = [record.loss for record in result.history[1:]]
    assert min(losses[4:]) < losses[0]
    assert result.best.mean_iou >= result.history[0].mean_iou
    assert (result.best.click_iou is None) == (name == "lite_medsam")
    assert all(one.equal(statistics[key]) for key, one in loaded.sam.named_buffers() if "running" in key)
