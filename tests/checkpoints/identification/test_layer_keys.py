"""The entries of layers are those of PyTorch's and of this package's."""

from __future__ import annotations

import pytest
from torch import nn

from samara.checkpoints.identification.layer_keys import WIDTH, attention, convolution, linear, neck, norm, under
from samara.networks.layers import Neck
from samara.networks.two_way_transformer import Attention


def entries(name, layer):
    return {f"{name}.{key}": tuple(value.shape) for key, value in layer.state_dict().items()}


@pytest.mark.parametrize(
    ("found", "layer"),
    [
        (linear("x.y", 3, 5), nn.Linear(3, 5)),
        (norm("x.y", 5), nn.LayerNorm(5)),
        (convolution("x.y", (5, 3, 2, 2), 5), nn.Conv2d(3, 5, 2)),
        (attention("x.y", 128), Attention(WIDTH, 8, 2)),
        (under("x", {name.replace("neck", "y"): shape for name, shape in neck(12).items()}), Neck(12, WIDTH)),
    ],
)
def test_entries(found, layer):
    assert found == entries("x.y", layer)
