"""SAM 2's image encoder, and the network that it is part of, at a small size.

Values: tests/parity/test_sam2_networks.py.
"""

from __future__ import annotations

import dataclasses

import pytest
import torch

from samara.networks.architectures import HieraConfig
from samara.networks.build import build_sam
from samara.networks.finer_maps import unpack
from samara.networks.plain import is_plain
from samara.networks.variants import VARIANTS

TINY = VARIANTS["sam2.1_hiera_t"]
SMALL = HieraConfig(embed_dim=8, num_heads=1, depths=(1, 1, 2, 1), global_attention_blocks=(3,))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = build_sam(dataclasses.replace(TINY, image_encoder=SMALL), input_size=64)
    network.image_encoder.no_mem_embed.data.normal_()
    return network.eval()


def points(count):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 2, 2, generator=generator) * 64, torch.tensor([[1, 0]]).expand(count, 2)


def test_embedding_and_finer_maps(network):
    images = torch.randn(2, 3, 64, 96)
    encoder = network.image_encoder
    embedding, (finest, finer) = unpack(encoder(images), TINY.finer_maps)
    assert (embedding.shape, finest.shape, finer.shape) == ((2, 256, 4, 6), (2, 32, 16, 24), (2, 64, 8, 12))
    levels = encoder.neck(encoder.trunk(images))
    torch.testing.assert_close(embedding - levels[2], encoder.no_mem_embed.view(1, 256, 1, 1).expand_as(levels[2]))
    torch.testing.assert_close(finest, encoder.conv_s0(levels[0]))
    torch.testing.assert_close(finer, encoder.conv_s1(levels[1]))


def test_features_are_what_the_variant_says(network):
    assert network.image_encoder(torch.randn(1, 3, 64, 64)).shape == (1, TINY.embedding_channels, 4, 4)
    assert network.mask_decoder.finer_maps == TINY.finer_maps
    assert network.mask_decoder.further_channels == TINY.embedding_channels - 256


def test_it_is_plain(network):
    assert is_plain(network.image_encoder)


@pytest.mark.parametrize(("multimask", "masks"), [(True, 3), (False, 1)])
def test_one_pass_is_embedding_and_decoding(network, multimask, masks):
    images, boxes, given = torch.randn(2, 3, 64, 64), torch.rand(3, 4) * 64, torch.randn(3, 1, 16, 16)
    of_prompt = torch.tensor([0, 1, 1])
    logits, iou = network(images, points(3), boxes, given, image_of_prompt=of_prompt, multimask=multimask)
    assert (logits.shape, iou.shape) == ((3, masks, 16, 16), (3, masks))
    sparse, dense = network.prompt_encoder(points(3), boxes, given)
    again, _ = network.mask_decoder(
        network.image_encoder(images),
        network.prompt_encoder.get_dense_pe(),
        sparse,
        dense,
        multimask,
        image_of_prompt=of_prompt,
    )
    torch.testing.assert_close(logits, again)


def test_another_input_size_than_that_of_construction(network):
    logits, _ = network(torch.randn(1, 3, 96, 96), points(1))
    assert logits.shape == (1, 3, 24, 24)
