"""The tables of EfficientSAM are those of its official networks, and of the networks here."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from samara.checkpoints.identification.key_tables import expected_shapes
from samara.networks.architectures import PlainViTConfig
from samara.networks.build import build_sam
from samara.networks.variants import VARIANTS
from tests.parity.deterministic import golden

GOLDEN = {"efficient_sam_ti": "efficient_sam_vitt", "efficient_sam_s": "efficient_sam_vits"}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_table_is_that_of_the_official_network(name):
    layout = golden(GOLDEN[name])["layout"]
    assert expected_shapes(name) == {key: tuple(one["shape"]) for key, one in layout.items()}
    assert len(layout) == VARIANTS[name].keys


def test_it_follows_the_numbers_of_an_encoder():
    numbers = PlainViTConfig(embed_dim=20, depth=3, num_heads=2, mlp_ratio=2.5, position_grid=7)
    variant = dataclasses.replace(VARIANTS["efficient_sam_ti"], image_encoder=numbers)
    with torch.device("meta"):
        network = build_sam(variant)
    assert expected_shapes(variant) == {key: tuple(one.shape) for key, one in network.state_dict().items()}
