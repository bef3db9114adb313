"""Networks are what their variants say, and what cannot be built says so."""

from __future__ import annotations

import pytest
import torch

from samara.errors import WrongCheckpoint
from samara.networks.build import build_network, build_sam
from samara.networks.variants import VARIANTS, runnable_names


@pytest.mark.parametrize("name", runnable_names())
def test_counts_are_those_of_the_network(name):
    with torch.device("meta"):
        network = build_network(VARIANTS[name])
    assert sum(parameter.numel() for parameter in network.parameters()) == VARIANTS[name].parameters
    assert len(network.state_dict()) == VARIANTS[name].keys


@pytest.mark.parametrize("name", sorted(set(VARIANTS) - set(runnable_names())))
def test_what_cannot_be_run_says_what_can(name):
    with pytest.raises(WrongCheckpoint, match="cannot run .*; `samara checkpoints list` shows"):
        build_network(VARIANTS[name])


def test_another_input_size_changes_no_weight():
    with torch.device("meta"):
        own, other = (build_network(VARIANTS["vit_b"], size) for size in (None, 512))
    assert {k: v.shape for k, v in own.state_dict().items()} == {k: v.shape for k, v in other.state_dict().items()}
    assert other.prompt_encoder.input_image_size == (512, 512)
    assert other.prompt_encoder.image_embedding_size == (32, 32)


def test_a_detector_is_no_sam():
    with pytest.raises(WrongCheckpoint, match="FastSAM-s finds instances in one pass and has no image encoder"):
        build_sam(VARIANTS["fastsam_s"])
