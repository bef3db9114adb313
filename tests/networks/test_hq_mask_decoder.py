"""HQ mask decoder: what is summed, what is chosen, what learns, and independence of company."""

from __future__ import annotations

import pytest
import torch

from samara.networks.early_features import split_early
from samara.networks.hq_mask_decoder import HQ_PART, HqMaskDecoder
from samara.networks.mask_decoder import SINGLE_MASK, THREE_MASKS, MaskDecoder
from samara.networks.prompt_encoder import PromptEncoder
from samara.networks.sam import Sam
from samara.networks.two_way_transformer import TwoWayTransformer
from samara.networks.vit import ImageEncoderViT

EARLY = 32


@pytest.fixture
def network():
    torch.manual_seed(0)
    encoder = ImageEncoderViT(
        input_size=64, embed_dim=EARLY, depth=2, num_heads=2, global_attention_blocks=(0, 1), early_block=0
    )
    return Sam(
        image_encoder=encoder,
        prompt_encoder=PromptEncoder(input_image_size=(64, 64), image_embedding_size=(4, 4)),
        mask_decoder=HqMaskDecoder(transformer=TwoWayTransformer(mlp_dim=64), early_channels=EARLY),
    ).eval()


@pytest.fixture
def features(network):
    """Of three images, with early features."""
    with torch.no_grad():
        return network.image_encoder(torch.randn(3, 3, 64, 64))


def prompts(network, count):
    """Sparse and dense embeddings, and positions."""
    generator = torch.Generator().manual_seed(count)
    coordinates = torch.rand(count, 2, 2, generator=generator) * 64
    sparse, dense = network.prompt_encoder((coordinates, torch.tensor([[1, 0]]).expand(count, 2)))
    return network.prompt_encoder.get_dense_pe(), sparse, dense


def close(a, b):
    torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("multimask", [True, False])
def test_one_mask_whatever_is_asked(network, multimask):
    logits, iou = network(torch.randn(1, 3, 64, 64), prompts_in_pixels(5), multimask=multimask)
    assert logits.shape == (5, 1, 16, 16)
    assert iou.shape == (5, 1)


def prompts_in_pixels(count):
    return torch.rand(count, 1, 2) * 64, torch.ones(count, 1, dtype=torch.int64)


def test_masks_are_sams_plus_the_hq_mask(network, features):
    # Of the same tokens: SAM's own drawing is the base class's.
    positions, sparse, dense = prompts(network, 6)
    decoder = network.mask_decoder
    head = decoder.iou_prediction_head
    tokens = tokens_of(decoder, features[:1], positions, sparse, dense)
    with torch.no_grad():  # so that not every prompt has the same best mask
        head.layers[-1].bias -= head(tokens[:, 0]).mean(dim=0)
    look = decoder.look(features[:1], positions, sparse, dense)
    sam, hq = MaskDecoder.draw(decoder, look, slice(None)), decoder.draw_hq(look)
    assert sam.shape == (6, 4, 16, 16)
    assert hq.shape == (6, 1, 16, 16)
    sam_iou = head(tokens[:, 0])
    best = 1 + sam_iou[:, 1:].argmax(dim=1)
    assert len(best.unique()) > 1, "the case says nothing"
    close(look.predicted_iou, torch.stack([sam_iou[:, 0], sam_iou[:, 1:].amax(dim=1)], dim=1))
    close(decoder.draw(look, SINGLE_MASK), sam[:, :1] + hq)
    close(decoder.draw(look, THREE_MASKS), sam[torch.arange(6), best][:, None] + hq)
    close(decoder.draw(look, slice(None))[:, 1:], decoder.draw(look, THREE_MASKS))


def tokens_of(decoder, features, positions, sparse, dense):
    embedding, _ = split_early(features, EARLY)
    output = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight, decoder.hf_token.weight])
    tokens = torch.cat([output.expand(len(sparse), -1, -1), sparse], dim=1)
    return decoder.transformer(embedding + dense, positions, tokens)[0]


@pytest.mark.parametrize("hq_token_only", [True, False])
@pytest.mark.parametrize("multimask", [True, False])
def test_the_whole_call_is_looking_and_drawing(network, features, multimask, hq_token_only):
    arguments = prompts(network, 2)
    decoder = network.mask_decoder
    logits, iou = decoder(features[:1], *arguments, multimask, hq_token_only=hq_token_only)
    look = decoder.look(features[:1], *arguments)
    masks = THREE_MASKS if multimask else SINGLE_MASK
    close(logits, decoder.draw_hq(look) if hq_token_only else decoder.draw(look, masks))
    close(iou, look.predicted_iou[:, masks])


def test_details_made_once_give_the_same(network, features):
    positions, sparse, dense = prompts(network, 2)
    decoder, of_prompt = network.mask_decoder, torch.tensor([2, 0])
    details = decoder.details_of(features)
    assert details.shape == (3, 32, 16, 16)
    given = decoder.look(features, positions, sparse, dense, image_of_prompt=of_prompt, details=details)
    made = decoder.look(features, positions, sparse, dense, image_of_prompt=of_prompt)
    close(decoder.draw(given, THREE_MASKS), decoder.draw(made, THREE_MASKS))


@pytest.mark.parametrize("of_prompt", [[0, 0, 2, 1], None])
def test_images_share_a_pass(network, features, of_prompt):
    count = len(of_prompt or features)
    positions, sparse, dense = prompts(network, count)
    decoder = network.mask_decoder
    images = None if of_prompt is None else torch.tensor(of_prompt)
    look = decoder.look(features, positions, sparse, dense, image_of_prompt=images)
    together, hq = decoder.draw(look, THREE_MASKS), decoder.draw_hq(look)
    some = torch.arange(count) % 2 == 1
    close(decoder.draw(look[some], THREE_MASKS), together[some])
    close(decoder.draw_hq(look[some]), hq[some])
    for prompt, image in enumerate(of_prompt or range(count)):
        one = slice(prompt, prompt + 1)
        alone = decoder.look(features[image][None], positions, sparse[one], dense[one])
        close(look.predicted_iou[one], alone.predicted_iou)
        close(together[one], decoder.draw(alone, THREE_MASKS))
        close(hq[one], decoder.draw_hq(alone))


def test_some_prompts_of_one_image(network, features):
    decoder = network.mask_decoder
    look = decoder.look(features[:1], *prompts(network, 4))
    assert look.image_of_prompt is None
    close(decoder.draw(look[torch.tensor([3, 1])], SINGLE_MASK), decoder.draw(look, SINGLE_MASK)[[3, 1]])


def test_the_hq_part_is_what_sam_does_not_have(network):
    own = set(network.mask_decoder.state_dict())
    sams = set(MaskDecoder(transformer=TwoWayTransformer(mlp_dim=64)).state_dict())
    assert sams < own
    assert {name for name in own if name.startswith(HQ_PART)} == own - sams


def test_the_hq_part_learns_on_a_frozen_sam(network, features):
    network.requires_grad_(False)
    decoder = network.mask_decoder
    hq = {name: value for name, value in decoder.named_parameters() if name.startswith(HQ_PART)}
    for parameter in hq.values():
        parameter.requires_grad_(True)
    look = decoder.look(features, *prompts(network, 3))
    decoder.draw_hq(look).square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in hq.values())
    learnt = {name for name, value in network.named_parameters() if value.grad is not None}
    assert learnt == {f"mask_decoder.{name}" for name in hq}


def test_gradients_reach_everything_by_drawing(network):
    images = torch.randn(1, 3, 64, 64, requires_grad=True)
    features = network.image_encoder(images)
    look = network.mask_decoder.look(features, *prompts(network, 4))
    (network.mask_decoder.draw(look, slice(None)).square().mean() + look.predicted_iou.square().mean()).backward()
    assert images.grad.abs().sum() > 0
    without = {name for name, value in network.named_parameters() if value.grad is None}
    # Prompts that were not given, and the masks that were nobody's best.
    chosen = set(look.answers.flatten().tolist())
    assert all(
        name.startswith("prompt_encoder.")
        or any(name.startswith(f"mask_decoder.output_hypernetworks_mlps.{mask}.") for mask in {1, 2, 3} - chosen)
        for name in without
    )


def test_looks_of_another_decoder_are_refused(network, features):
    embedding, _ = split_early(features[:1], EARLY)
    look = MaskDecoder(transformer=TwoWayTransformer(mlp_dim=64)).look(embedding, *prompts(network, 1))
    for draw in (network.mask_decoder.draw_hq, lambda found: network.mask_decoder.draw(found, SINGLE_MASK)):
        with pytest.raises(TypeError, match="an HqLook, not a Look"):
            draw(look)


def test_embeddings_without_early_features_are_refused(network, features):
    with pytest.raises(ValueError, match="does not contain 32 channels"):
        network.mask_decoder.look(features[:, :EARLY], *prompts(network, 1))


def test_sizes_other_than_the_trained_one(network):
    logits, _ = network(torch.randn(1, 3, 32, 96), prompts_in_pixels(1))
    assert logits.shape == (1, 1, 8, 24)
