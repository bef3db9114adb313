"""EfficientViT-SAM is fine-tuned: masks of its frame, batch norms as they are, a file in the layout it came in."""

from __future__ import annotations

import dataclasses

import pytest
import torch

import samara
from samara.finetuning.examples import examples_of
from samara.finetuning.loop import fine_tune
from samara.finetuning.processes import Processes
from samara.finetuning.training_set import TrainingSet
from samara.finetuning.validation import validate
from samara.networks.build import build_network
from samara.networks.variants import VARIANTS
from tests.engines.conftest import small
from tests.finetuning.conftest import FEW_STEPS, assert_updates_apart_are_the_merged_ones, draw


def test_embeddings_are_kept_and_masks_are_those_of_the_frame(tmp_path):
    loaded = small("efficientvit_sam_l0", 64)
    training = TrainingSet(loaded, examples_of([draw(0, tmp_path, size=(64, 128))]))
    cache = training.cache(tmp_path / "cache", Processes())
    assert cache[0].shape == (256, 8, 8)
    sample = training.sample(0, cache[0])
    assert sample.targets.shape == (2, 32, 32)
    valid = training.valid(0)
    assert valid[:16].all()
    assert not valid[16:].any()
    assert validate(loaded.sam, [sample]).objects == 2


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """An official file with random weights, in the layout with a wrapper."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = build_network(VARIANTS["efficientvit_sam_l0"]).state_dict()
    path = tmp_path_factory.mktemp("official") / "efficientvit_sam_l0.pt"
    torch.save(
        {"state_dict": {name: one.half() if one.is_floating_point() else one for name, one in state.items()}}, path
    )
    return path


@pytest.mark.slow
@pytest.mark.parametrize("trained", ["decoder", "lora"])
def test_the_new_file_is_an_official_one(file, trained, tmp_path):
    image = draw(1, tmp_path)
    loaded = samara.load(file, device="cpu", precision="float32", input_size=64)
    settings = dataclasses.replace(FEW_STEPS, trained=trained, lora_rank=2, epochs=6)
    result = fine_tune(loaded, [image], [image], tmp_path / "mine.pt", settings)
    assert result.best.epoch > 0, "nothing was learnt, so that nothing could be told apart"
    before, after = (torch.load(one, weights_only=True)["state_dict"] for one in (file, result.path))
    assert {name: one.shape for name, one in after.items()} == {name: one.shape for name, one in before.items()}
    changed = {name for name, one in before.items() if not one.float().equal(after[name].float())}
    attention = (".qkv.conv.weight", ".proj.conv.weight")
    of_encoder = {name for name in changed if name.startswith("image_encoder.")}
    assert changed - of_encoder
    assert all(name.startswith("mask_decoder.") for name in changed - of_encoder)
    assert bool(of_encoder) == (trained == "lora")
    assert all(".context_module." in name and name.endswith(attention) for name in of_encoder)
    again = samara.load(result.path, device="cpu", precision="float32", input_size=64)
    assert again.variant.name == "efficientvit_sam_l0"


@pytest.mark.slow
def test_low_rank_updates_apart(file, tmp_path):
    assert_updates_apart_are_the_merged_ones(file, 64, tmp_path)
