"""What is chosen is loaded."""

from __future__ import annotations

from samara.checkpoints.choice import Choice
from samara.checkpoints.load_chosen import load_chosen, loaded_from


def test_what_is_chosen_is_loaded():
    loaded = load_chosen(Choice(weights="random", input_size=64, precision="float32"), "cpu")
    assert (loaded.input_size, loaded.provenance.weights) == (64, "random")


def test_what_is_loaded_stays_as_it_is(mini):
    assert loaded_from(mini, device="cpu") is mini
    loaded = loaded_from("samara_mini", device="cpu", precision="float32", weights="random", input_size=64)
    assert loaded.input_size == 64
