"""Fine-tuning with a preset: what it learns from, and what its file says."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import pytest

import samara
from samara.checkpoints.identification.vit_numbers import own_vit
from samara.checkpoints.load import random_network
from samara.engines.loaded import Loaded, Provenance
from samara.errors import SettingsError
from samara.finetuning.data_sets import Sets
from samara.finetuning.loop import fine_tune
from samara.finetuning.settings import FineTuneSettings, PromptSimulation
from samara.finetuning.views import Views, fine_tune_with_views
from samara.networks.presets import with_preset
from samara.networks.variant import Capabilities
from tests.checkpoints.identification.test_vit_numbers import SMALL
from tests.finetuning.conftest import FEW_STEPS, draw


@pytest.fixture(scope="module")
def medical():
    variant = with_preset(own_vit(SMALL, 128), "medsam")
    network = random_network(variant, 128, seed=2)
    settings = {"device": "cpu", "precision": "float32"}
    return Loaded(network, variant, Provenance("mine", None, None, "random"), 128, 0.88, 0.95, **settings)


@pytest.mark.parametrize("apart", [False, True])
def test_what_is_saved_says_its_preset(medical, tmp_path, apart):
    image = draw(1, tmp_path, objects=2, size=(64, 96))
    trained = "lora" if apart else "decoder"
    settings = dataclasses.replace(FEW_STEPS, epochs=1, trained=trained, lora_apart=apart, lora_rank=2)
    result = fine_tune(medical, [image], [image], tmp_path / "new.safetensors", settings)
    assert [record.click_iou for record in result.history] == [None, None]
    identity = samara.identify(result.path)
    assert identity.preset == "medsam"
    if not apart:
        again = samara.load(result.path, device="cpu", precision="float32")
        assert (again.variant, again.fingerprint) == (medical.variant, medical.fingerprint)
        return
    from samara.checkpoints.save import save_checkpoint

    save_checkpoint(tmp_path / "whole.pth", medical.sam.state_dict(), {})
    again = samara.load(tmp_path / "whole.pth", lora=result.path, device="cpu", precision="float32")
    assert again.variant.preset == "medsam"


def test_a_report_compares_what_the_checkpoint_takes(medical, tmp_path):
    image = draw(1, tmp_path, objects=1, size=(64, 96))
    views = Views(report=tmp_path / "report.html")
    viewed = fine_tune_with_views(medical, Sets([image], [image]), tmp_path / "new.pth", FEW_STEPS, views)
    assert list(viewed.scores["validation"]) == ["box"]
    assert viewed.result.settings.criterion == "box"
    assert "Box, before" in (tmp_path / "report.html").read_text()


def test_epochs_cannot_be_chosen_by_prompts_that_are_not_taken(medical, tmp_path):
    image = draw(1, tmp_path, objects=1, size=(64, 96))
    settings = replace(FEW_STEPS, criterion="click")
    with pytest.raises(SettingsError, match="no epoch can be chosen by clicks"):
        fine_tune_with_views(medical, Sets([image], [image]), tmp_path / "new.pth", settings, Views())


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        (Capabilities(), (3, 2, 0.5)),
        (Capabilities(points=False, negative_points=False, mask_input=False), (0, 0, 0.0)),
        (Capabilities(mask_input=False), (3, 0, 0.5)),
        (Capabilities(negative_points=False), (3, 2, 0.5)),  # corrected where it misses the object
    ],
)
def test_prompts_are_simulated_that_are_taken(capabilities, expected):
    limited = PromptSimulation(rounds=3, rounds_without_points=2).restricted_to(capabilities)
    assert (limited.rounds, limited.rounds_without_points, limited.point_probability) == expected
    assert FineTuneSettings.simulation.restricted_to(Capabilities()) == FineTuneSettings.simulation
