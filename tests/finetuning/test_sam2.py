"""SAM 2 is fine-tuned: prompts padded as its predictor pads them, and a file that its official code loads."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import samara
from samara.finetuning import step
from samara.finetuning.loop import fine_tune
from samara.finetuning.simulated_prompts import SimulatedPrompts
from samara.networks.build import build_network
from samara.networks.variants import VARIANTS
from tests.checkpoints.test_sam2 import official_state
from tests.engines.conftest import small
from tests.finetuning.conftest import FEW_STEPS, assert_updates_apart_are_the_merged_ones, draw


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """An official file with random weights, its memory included."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = official_state(build_network(VARIANTS["sam2.1_hiera_t"]))
        state["no_mem_pos_enc"] = torch.randn(1, 1, 256).half()
    path = tmp_path_factory.mktemp("official") / "sam2.1_hiera_tiny.pt"
    torch.save({"model": state}, path)
    return path


def test_tokens_are_those_of_the_predictor():
    """A click with its padding, a box with a padding behind its corners, and the same with a correction."""
    encoder = small("sam2.1_hiera_t", 64).sam.prompt_encoder
    points = torch.tensor([[[10.0, 12.0], [0.0, 0.0]], [[4.0, 6.0], [40.0, 50.0]]])
    prompts = SimulatedPrompts(points, torch.tensor([[1, -1], [2, 3]]))
    corrected = prompts.with_points(torch.tensor([[20.0, 21.0], [30.0, 31.0]]), torch.tensor([0, 1]))
    click, box = (torch.tensor([[[10.0, 12.0]]]), torch.tensor([[1]])), torch.tensor([[4.0, 6.0, 40.0, 50.0]])
    two = torch.tensor([[[10.0, 12.0], [20.0, 21.0]]]), torch.tensor([[1, 0]])
    inside = torch.tensor([[[30.0, 31.0]]]), torch.tensor([[1]])
    for given, expected in ((prompts, [(click, None), (None, box)]), (corrected, [(two, None), (inside, box)])):
        found = {}
        for objects, pad in step._alike(given, always_pads=encoder.always_pads):
            chosen = given[objects]
            found[int(objects)] = encoder((chosen.points, chosen.labels), pad=pad)[0][0]
        for index, (points, boxes) in enumerate(expected):
            wanted = encoder(points, boxes)[0][0]
            assert sorted(map(tuple, found[index].tolist())) == sorted(map(tuple, wanted.tolist()))


def test_the_new_file_is_an_official_one(file, tmp_path):
    image = draw(1, tmp_path)
    loaded = samara.load(file, device="cpu", precision="float32", input_size=128)
    result = fine_tune(loaded, [image], [image], tmp_path / "mine.pt", dataclasses.replace(FEW_STEPS, epochs=6))
    assert result.best.epoch > 0, "nothing was learnt, so that nothing could be told apart"
    before, after = (torch.load(one, weights_only=True)["model"] for one in (file, result.path))
    assert {name: one.shape for name, one in after.items()} == {name: one.shape for name, one in before.items()}
    changed = {name for name, one in before.items() if not one.float().equal(after[name].float())}
    assert changed
    assert all(name.startswith("sam_mask_decoder.") for name in changed)
    assert not any(name.startswith(("sam_mask_decoder.conv_s", "sam_mask_decoder.pred_obj")) for name in changed)
    again = samara.load(result.path, device="cpu", precision="float32", input_size=128)
    assert again.fingerprint == loaded.fingerprint
    predictors = [samara.Predictor(one) for one in (loaded, again)]
    logits = [one.predict(one.embed(image.path), points=[40, 40]).low_res_logits for one in predictors]
    assert not np.allclose(*logits, atol=1e-3)


@pytest.mark.slow
def test_low_rank_updates_apart(file, tmp_path):
    assert_updates_apart_are_the_merged_ones(file, 128, tmp_path)
