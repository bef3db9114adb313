"""Mask decoder and the joined network: prompts and images are independent of their company; gradients flow."""

from __future__ import annotations

import pytest
import torch

from samara.networks.mask_decoder import THREE_MASKS, MaskDecoder
from samara.networks.prompt_encoder import PromptEncoder
from samara.networks.sam import Sam
from samara.networks.two_way_transformer import TwoWayTransformer
from samara.networks.vit import ImageEncoderViT


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Sam(
        image_encoder=ImageEncoderViT(input_size=64, embed_dim=32, depth=1, num_heads=2, global_attention_blocks=(0,)),
        prompt_encoder=PromptEncoder(input_image_size=(64, 64), image_embedding_size=(4, 4)),
        mask_decoder=MaskDecoder(transformer=TwoWayTransformer(mlp_dim=64)),
    ).eval()


def points(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 2, 2, generator=generator) * 64, torch.tensor([[1, 0]]).expand(count, 2)


@pytest.mark.parametrize(("multimask", "masks"), [(True, 3), (False, 1)])
def test_shapes(network, multimask, masks):
    logits, iou = network(torch.randn(1, 3, 64, 64), points(5), multimask=multimask)
    assert logits.shape == (5, masks, 16, 16)
    assert iou.shape == (5, masks)


def test_images_with_different_numbers_of_prompts_share_a_pass(network):
    images = torch.randn(3, 3, 64, 64)
    coordinates, labels = points(4)
    of_prompt = torch.tensor([0, 0, 0, 2])
    logits, iou = network(images, (coordinates, labels), image_of_prompt=of_prompt)
    for prompt, image in enumerate(of_prompt.tolist()):
        one = slice(prompt, prompt + 1)
        alone = network(images[image][None], (coordinates[one], labels[one]))
        torch.testing.assert_close(logits[one], alone[0], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(iou[one], alone[1], atol=1e-5, rtol=1e-4)


def test_which_image_must_be_told_when_it_is_unclear(network):
    with pytest.raises(ValueError, match="3 images and 2 prompts"):
        network(torch.randn(3, 3, 64, 64), points(2))


def test_looking_first_and_drawing_some_gives_the_same_masks(network):
    decoder, encoder = network.mask_decoder, network.prompt_encoder
    embedding = network.image_encoder(torch.randn(1, 3, 64, 64))
    sparse, dense = encoder(points(4))
    everything, _ = decoder(embedding, encoder.get_dense_pe(), sparse, dense, True)
    look = decoder.look(embedding, encoder.get_dense_pe(), sparse, dense)
    some = torch.tensor([True, False, True, False])
    torch.testing.assert_close(decoder.draw(look[some], THREE_MASKS), everything[some], atol=1e-5, rtol=1e-4)


def test_gradients_reach_image_and_prompts(network):
    images = torch.randn(1, 3, 64, 64, requires_grad=True)
    coordinates, labels = points(2)
    coordinates.requires_grad_()
    masks = torch.randn(2, 1, 16, 16, requires_grad=True)
    logits, iou = network(images, (coordinates, labels), masks=masks)
    (logits.square().mean() + iou.square().mean()).backward()
    assert all(x.grad is not None and x.grad.abs().sum() > 0 for x in (images, coordinates, masks))


def test_sizes_other_than_the_trained_one(network):
    logits, _ = network(torch.randn(1, 3, 32, 96), points(1))
    assert logits.shape == (1, 3, 8, 24)
