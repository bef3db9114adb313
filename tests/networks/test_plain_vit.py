"""EfficientSAM's image encoder: sizes, positions, attention. Values: tests/parity/test_efficient_sam_networks.py."""

from __future__ import annotations

import pytest
import torch

from samara.networks.plain_vit import Attention, PlainViT


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    encoder = PlainViT(embed_dim=12, depth=2, num_heads=3, position_grid=3, out_channels=8)
    torch.nn.init.normal_(encoder.pos_embed)
    return encoder.eval()


@pytest.mark.parametrize("size_hw", [(48, 48), (64, 32), (16, 16)])
def test_every_multiple_of_a_patch_has_its_grid(encoder, size_hw):
    with torch.inference_mode():
        assert encoder(torch.randn(2, 3, *size_hw)).shape == (2, 8, size_hw[0] // 16, size_hw[1] // 16)


def test_other_sizes_are_refused(encoder):
    with pytest.raises(ValueError, match="multiple of 16"):
        encoder(torch.zeros(1, 3, 40, 48))


def test_images_of_a_batch_do_not_know_of_each_other(encoder):
    images = torch.randn(3, 3, 32, 48)
    with torch.inference_mode():
        torch.testing.assert_close(encoder(images)[1:2], encoder(images[1:2]), rtol=1e-4, atol=1e-5)


def test_the_class_tokens_position_is_not_used(encoder):
    positions = encoder.positions(4, 6)
    assert positions.shape == (1, 4, 6, 12)
    with torch.no_grad():
        own = encoder.pos_embed[:, 1:].clone()
        encoder.pos_embed[:, 0] += 1
    assert encoder.positions(4, 6).equal(positions)
    assert encoder.positions(3, 3).flatten(1, 2).equal(own), "row by row"


def test_every_token_attends_to_all_by_the_formula():
    attention = Attention(12, 3).double()
    x = torch.randn(2, 7, 12, dtype=torch.float64)
    q, k, v = (part.unflatten(2, (3, 4)).transpose(1, 2) for part in attention.qkv(x).chunk(3, dim=2))
    seen = (q @ k.mT / 2).softmax(dim=-1) @ v
    torch.testing.assert_close(attention(x), attention.proj(seen.transpose(1, 2).flatten(2)))
