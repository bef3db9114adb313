"""The encoders' form for exporters gives what the encoders give."""

from __future__ import annotations

import pytest
import torch

from samara.networks.encoder_graph import encoder_graph
from samara.networks.plain import sharing_copy
from tests.engines.conftest import SMALL, small


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("size", [224, 240])
def test_the_form_is_exact(name, size):
    loaded = small(name, 256)
    size = size * loaded.variant.frame_cell // 16
    size += -size % loaded.variant.preprocessing.multiple
    encoder = loaded.network.image_encoder
    image = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = encoder(image)
        found = encoder_graph(encoder, size)(image)
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_weights_are_shared_and_the_network_stays_as_it_was():
    encoder = small("vit_b").network.image_encoder
    before = {name: tensor.data_ptr() for name, tensor in encoder.state_dict().items()}
    form = encoder_graph(encoder, 160)
    assert {name: tensor.data_ptr() for name, tensor in encoder.state_dict().items()} == before
    mine = {parameter.data_ptr() for parameter in form.parameters()}
    assert encoder.blocks[0].attn.qkv.weight.data_ptr() in mine
    copied = sharing_copy(encoder)
    assert copied.blocks[0] is not encoder.blocks[0]
    assert copied.blocks[0].mlp.lin1.weight is encoder.blocks[0].mlp.lin1.weight
