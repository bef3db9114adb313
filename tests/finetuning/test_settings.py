"""Settings: ranges."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from samara.errors import SettingsError
from samara.finetuning.settings import FineTuneSettings, PromptSimulation
from samara.networks.variants import VARIANTS, Capabilities


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "epochs is 0; it must be at least 1"),
        ({"lora_rank": 0}, "lora_rank"),
        ({"images_per_step": 0}, "images_per_step"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"ema_decay": 1.0}, "ema_decay"),
        ({"weight_decay": -1e-3}, "weight_decay is -0.001; it must be at least 0"),
        ({"weight_decay": float("inf")}, "weight_decay"),
        ({"warmup_steps": -1}, "warmup_steps"),
        ({"patience": 0}, "patience"),
        ({"max_gradient_norm": 0}, "max_gradient_norm"),
        ({"trained": "encoder"}, "trained 'encoder' is not known; use decoder, lora, everything"),
        ({"augmentations": ("flip", "shear")}, "augmentations 'shear'"),
        ({"precision": "float16"}, "precision 'float16'"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(SettingsError, match=message):
        FineTuneSettings(**arguments)


def test_prompts_that_a_network_does_not_take_are_left_out():
    settings = FineTuneSettings(simulation=PromptSimulation())
    assert settings.restricted_to(Capabilities()) == settings
    few = VARIANTS["efficient_sam_ti"].capabilities  # six points, none on background, no masks
    found = settings.restricted_to(few).simulation
    assert (found.rounds, found.rounds_without_points) == (4, 0)
    assert not found.background_points
    assert not found.previous_masks
    assert PromptSimulation(rounds=1, rounds_without_points=1).restricted_to(few).rounds == 1


def test_defaults_are_the_briefs():
    settings = FineTuneSettings()
    assert (settings.trained, settings.learning_rate, settings.weight_decay) == ("decoder", 1e-4, 0.01)


def test_losses_are_those_that_gave_most_on_small_sets():
    with (Path(__file__).parents[2] / "benchmarks" / "results" / "finetuning_losses.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["losses"] != "as it came"]
    losses = FineTuneSettings().losses
    ours = f"{losses.focal:g} focal + dice + {losses.cross_entropy:g} cross-entropy"
    for source in {row["source"] for row in rows}:
        of_source = [row for row in rows if row["source"] == source]
        for metric in ("box_iou", "centre_click_iou"):
            assert max(of_source, key=lambda row: float(row[metric]))["losses"] == ours, (source, metric)
