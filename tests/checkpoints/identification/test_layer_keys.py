"""Each rule names what the layer itself has."""

from __future__ import annotations

import pytest
from torch import nn

from samara.checkpoints.identification import layer_keys
from samara.networks.layers import ConvNorm, LayerNorm2d, Neck
from samara.networks.two_way_transformer import Attention


@pytest.mark.parametrize(
    ("keys", "layer"),
    [
        (layer_keys.linear("x", 3, 5), nn.Linear(3, 5)),
        (layer_keys.norm("x", 6), LayerNorm2d(6)),
        (layer_keys.convolution("x", (6, 2, 3, 3), 6), nn.Conv2d(4, 6, 3, groups=2)),
        (layer_keys.batch_norm("x", 6), nn.BatchNorm2d(6)),
        (layer_keys.conv_bn("x", (6, 4, 3, 3)), ConvNorm(4, 6, 3)),
        (layer_keys.neck(6), nn.ModuleDict({"neck": Neck(6, layer_keys.WIDTH)})),
        (layer_keys.attention("x", 128), Attention(layer_keys.WIDTH, 8, 2)),
        (layer_keys.under("x", layer_keys.norm("y", 6)), nn.ModuleDict({"y": LayerNorm2d(6)})),
    ],
    ids=["linear", "norm", "convolution", "batch norm", "convolution and norm", "neck", "attention", "under a prefix"],
)
def test_the_rule_gives_the_state_dict_of_the_layer(keys, layer):
    own = {name: tuple(one.shape) for name, one in layer.state_dict().items()}
    assert {name.removeprefix("x."): shape for name, shape in keys.items()} == own
