"""The rules give exactly the tables of the official networks, in either form."""

from __future__ import annotations

import pytest

from samara.checkpoints.identification.key_tables import expected_shapes
from samara.networks.variants import VARIANTS
from tests.parity.deterministic import golden

NAMES = ["edge_sam", "repvit_sam"]


def published(name):
    """Names and shapes of an official file."""
    return {key: tuple(one["shape"]) for key, one in golden(name)["layout"].items()}


def reparameterised(name):
    """The same with the encoder in one convolution each."""
    encoder = golden(name)["reparameterised"]["layout"]
    rest = {key: shape for key, shape in published(name).items() if not key.startswith("image_encoder.")}
    return {key: tuple(one["shape"]) for key, one in encoder.items()} | rest


@pytest.mark.parametrize("name", NAMES)
def test_the_tables_are_those_of_the_official_networks(name):
    variant = VARIANTS[name]
    assert expected_shapes(variant) == published(name)
    assert len(published(name)) == variant.keys
    assert expected_shapes(variant.reparameterised()) == reparameterised(name)
