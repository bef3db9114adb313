"""SAM 2's image path put together, at a small size. Values: tests/parity/test_sam2_networks.py."""

from __future__ import annotations

import pytest
import torch

from samara.networks.architectures import HieraConfig
from samara.networks.sam2 import build_sam2
from samara.networks.variants import VARIANTS

SMALL = HieraConfig(embed_dim=8, num_heads=1, depths=(1, 1, 2, 1), global_attention_blocks=(3,))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = build_sam2(SMALL, input_size=64)
    network.no_mem_embed.data.normal_()
    return network.eval()


def points(count):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 2, 2, generator=generator) * 64, torch.tensor([[1, 0]]).expand(count, 2)


def test_embedding_and_finer_maps(network):
    images = torch.randn(2, 3, 64, 96)
    embedding, (finest, finer) = network.embed(images)
    assert (embedding.shape, finest.shape, finer.shape) == ((2, 256, 4, 6), (2, 32, 16, 24), (2, 64, 8, 12))
    level = network.image_encoder(images)[2]
    torch.testing.assert_close(embedding - level, network.no_mem_embed.view(1, 256, 1, 1).expand_as(level))


def test_features_are_what_the_variant_says(network):
    features = network.features(torch.randn(1, 3, 64, 64))
    variant = VARIANTS["sam2.1_hiera_t"]
    assert features.shape == (1, variant.embedding_channels, 4, 4)
    assert network.sam_mask_decoder.finer_maps == variant.finer_maps
    assert network.sam_mask_decoder.further_channels == variant.embedding_channels - 256


@pytest.mark.parametrize(("multimask", "masks"), [(True, 3), (False, 1)])
def test_one_pass_is_embedding_and_predicting(network, multimask, masks):
    images, boxes, given = torch.randn(2, 3, 64, 64), torch.rand(3, 4) * 64, torch.randn(3, 1, 16, 16)
    of_prompt = torch.tensor([0, 1, 1])
    logits, iou = network(images, points(3), boxes, given, image_of_prompt=of_prompt, multimask=multimask)
    assert (logits.shape, iou.shape) == ((3, masks, 16, 16), (3, masks))
    again, _ = network.predict(
        network.features(images), points(3), boxes, given, image_of_prompt=of_prompt, multimask=multimask
    )
    torch.testing.assert_close(logits, again)


def test_another_input_size_than_that_of_construction(network):
    logits, _ = network(torch.randn(1, 3, 96, 96), points(1))
    assert logits.shape == (1, 3, 24, 24)


def test_the_image_tells_the_encoder_and_the_prompt_does_not_change_it(network):
    features = network.features(torch.randn(1, 3, 64, 64))
    before = features.clone()
    network.predict(features, points(2))
    assert features.equal(before)
