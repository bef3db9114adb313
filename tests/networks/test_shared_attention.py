"""Prompts that share an image give what the plain transformer and decoder give."""

from __future__ import annotations

import pytest
import torch

from samara.networks import shared_attention, shared_image
from samara.networks.mask_decoder import SINGLE_MASK, THREE_MASKS, MaskDecoder
from samara.networks.shared_attention import attend
from samara.networks.shared_image import share_image
from samara.networks.two_way_transformer import TwoWayTransformer

C, GRID = 32, (6, 5)


def randomised(network):
    """Weights with which no part is near zero or one: norms with gains and shifts, biases everywhere."""
    generator = torch.Generator().manual_seed(3)
    for parameter in network.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data = 0.3 * noise + (1.0 if parameter.ndim == 1 else 0.0)
    return network.eval()


@pytest.fixture(autouse=True, params=["one by one", "all at once"])
def form(request, monkeypatch):
    """Both forms, the processors' and the GPUs', here on a processor."""
    for module in (shared_attention, shared_image):
        monkeypatch.setattr(module, "takes_all_at_once", lambda device: request.param == "all at once")
    return request.param


@pytest.fixture(scope="module")
def decoder():
    transformer = TwoWayTransformer(depth=2, embedding_dim=C, num_heads=4, mlp_dim=48)
    return randomised(MaskDecoder(transformer=transformer, transformer_dim=C))


def inputs(prompts, tokens, dtype=torch.float32):
    generator = torch.Generator().manual_seed(prompts * 31 + tokens)

    def numbers(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    return numbers(1, C, *GRID), numbers(1, C, *GRID), numbers(1, C, 1, 1), numbers(prompts, tokens, C)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize(("prompts", "tokens"), [(1, 1), (3, 7)])
def test_tokens_and_images_are_those_of_the_plain_transformer(depth, prompts, tokens):
    network = randomised(TwoWayTransformer(depth=depth, embedding_dim=C, num_heads=4, mlp_dim=48))
    image, positions, _, given = inputs(prompts, tokens)
    with torch.inference_mode():
        shared = share_image(network, image[0], positions[0], torch.zeros(4, C))
        found_tokens, found_images = attend(network, shared, given)
    exact = network.double()
    expected_tokens, expected_image = exact(
        image.double().expand(prompts, -1, -1, -1), positions.double(), given.double()
    )
    whole = found_images.whole().flatten(2).mT
    network.float()
    assert ((found_tokens - expected_tokens).norm() / expected_tokens.norm()).item() < 2e-6
    assert ((whole - expected_image).norm() / expected_image.norm()).item() < 2e-6


@pytest.mark.parametrize("masks", [SINGLE_MASK, THREE_MASKS], ids=["one", "three"])
def test_masks_are_those_of_the_plain_decoder(decoder, masks):
    image, positions, dense, prompts = inputs(5, 2)
    with torch.inference_mode():
        shared = decoder.share(image, positions, dense, torch.float32)
        quick = decoder.look_shared(shared, prompts)
        plain = decoder.look(image, positions, prompts, dense.expand(5, -1, *GRID))
        torch.testing.assert_close(quick.predicted_iou, plain.predicted_iou, rtol=1e-4, atol=1e-4)
        expected = decoder.draw(plain, masks)
        scale = expected.abs().max()
        assert ((decoder.draw(quick, masks) - expected).abs().max() / scale).item() < 1e-5
        chosen = torch.tensor([False, True, False, True, True])
        assert ((decoder.draw(quick[chosen], masks) - expected[chosen]).abs().max() / scale).item() < 1e-5


def test_bfloat16_stays_near(decoder):
    image, positions, dense, prompts = inputs(4, 2)
    with torch.inference_mode():
        near = decoder.look_shared(decoder.share(image, positions, dense, torch.bfloat16), prompts)
        exact = decoder.look_shared(decoder.share(image, positions, dense, torch.float32), prompts)
        assert ((near.mask_tokens - exact.mask_tokens).norm() / exact.mask_tokens.norm()).item() < 0.03
        drawn, expected = decoder.draw(near, THREE_MASKS), decoder.draw(exact, THREE_MASKS)
    assert ((drawn - expected).norm() / expected.norm()).item() < 0.06


def test_prompts_do_not_know_of_each_other(decoder):
    image, positions, dense, prompts = inputs(3, 2)
    with torch.inference_mode():
        shared = decoder.share(image, positions, dense, torch.float32)
        together = decoder.look_shared(shared, prompts)
        alone = decoder.look_shared(shared, prompts[1:2])
    torch.testing.assert_close(together.mask_tokens[1:2], alone.mask_tokens, rtol=1e-5, atol=1e-5)
