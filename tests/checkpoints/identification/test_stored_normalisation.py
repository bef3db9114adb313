"""Constants in a file: the usual ones change nothing, others are used, nonsense is refused; identify and load agree."""

from __future__ import annotations

import pytest
import torch

import samara
from samara.checkpoints.identification.stored_normalisation import (
    OddNormalisationError,
    normalisation_note,
    with_stored_normalisation,
)
from samara.checkpoints.save import save_checkpoint
from samara.errors import UnrecognisedCheckpoint
from samara.networks.variants import VARIANTS

VIT_B = VARIANTS["vit_b"]
USUAL = {
    "pixel_mean": torch.tensor(VIT_B.preprocessing.mean).view(3, 1, 1),
    "pixel_std": torch.tensor(VIT_B.preprocessing.std).view(3, 1, 1),
}


def test_the_usual_constants_change_nothing():
    for stored in ({}, USUAL, {"pixel_mean": USUAL["pixel_mean"]}, {k: v / 255 for k, v in USUAL.items()}):
        assert with_stored_normalisation(VIT_B, stored) is VIT_B
    assert normalisation_note(VIT_B, VIT_B) == ""


@pytest.mark.parametrize(
    ("mean", "std", "expected"),
    [
        ((10.0, 20.0, 30.0), (1.0, 2.0, 3.0), ((10.0, 20.0, 30.0), (1.0, 2.0, 3.0))),
        ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), ((127.5,) * 3, (127.5,) * 3)),
        ((0.0, 0.0, 0.0), (255.0,) * 3, ((0.0,) * 3, (255.0,) * 3)),
    ],
)
def test_other_constants_are_used(mean, std, expected):
    own = with_stored_normalisation(VIT_B, {"pixel_mean": torch.tensor(mean), "pixel_std": torch.tensor(std)})
    assert (own.preprocessing.mean, own.preprocessing.std) == expected
    assert "normalises with mean" in normalisation_note(own, VIT_B)


@pytest.mark.parametrize(
    "stored",
    [
        {"pixel_std": torch.zeros(3)},
        {"pixel_mean": torch.tensor([1.0, 2.0])},
        {"pixel_mean": torch.full((3,), torch.nan)},
    ],
)
def test_nonsense_is_refused(stored):
    with pytest.raises(OddNormalisationError):
        with_stored_normalisation(VIT_B, stored)


def test_a_file_with_constants_is_identified_and_loaded_alike(mini, tmp_path):
    path, state = tmp_path / "x.pth", mini.network.state_dict()
    save_checkpoint(path, {**state, **USUAL}, {})
    loaded = samara.load(path, device="cpu")
    assert loaded.variant == mini.variant == samara.identify(path).network
    save_checkpoint(path, {**state, "pixel_mean": torch.full((3, 1, 1), 100.0)}, {})
    loaded = samara.load(path, device="cpu")
    assert loaded.variant.preprocessing.mean == (100.0, 100.0, 100.0)
    assert "mean 100, 100, 100" in samara.identify(path).description
    save_checkpoint(path, {**state, "pixel_std": torch.zeros(3, 1, 1)}, {})
    for read in (samara.identify, samara.load):
        with pytest.raises(UnrecognisedCheckpoint, match="deviations must be positive"):
            read(path)
