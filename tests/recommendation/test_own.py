"""A checkpoint of the user's own takes part once its quality was measured."""

from __future__ import annotations

from samara.recommendation.measured import measurements
from samara.recommendation.own import own_checkpoints
from samara.recommendation.recommend import recommend
from tests.recommendation.samples import CPU_8, record


def own(*records):
    return own_checkpoints(measurements(records, CPU_8, "natural"))


def test_what_was_measured_on_enough_objects_is_a_candidate():
    (row,) = own(record("cells.safetensors"), record("sam_vit_b"), record("toy.pth", n=5))
    assert (row.name, row.variant, row.input_size, row.url) == ("cells.safetensors", "vit_b", 1024, None)


def test_a_fine_tuned_checkpoint_that_is_better_on_your_images_is_recommended():
    records = [
        record(name, value=value, domain="light microscopy", settings={"ground_truth": "mine"})
        for name, value in (("cells.safetensors", 0.93), ("sam_vit_b", 0.74), ("vit_b_lm", 0.85))
    ]
    found = recommend(
        ram_gb=32, task="maximum quality", domain="light microscopy", prompts=["box"], records=records, at_hand=()
    )
    assert found.checkpoint == "cells.safetensors"
    assert found.commands == ("samara segment IMAGE --box X0,Y0,X1,Y1 --checkpoint cells.safetensors",)
    assert not any("left out" in note for note in found.notes)


def test_nobody_knows_whether_products_may_use_it():
    found = recommend(ram_gb=32, commercial=True, records=[record("cells.safetensors")], at_hand=())
    assert "cells.safetensors" in {one.name for one in found.excluded}
