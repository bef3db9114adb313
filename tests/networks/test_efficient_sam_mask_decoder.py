"""EfficientSAM's mask decoder: its differences from SAM's. Values: tests/parity/test_efficient_sam_networks.py."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from samara.networks.efficient_sam_mask_decoder import (
    EfficientSamBlock,
    EfficientSamMaskDecoder,
    EfficientSamTwoWayTransformer,
)
from samara.networks.mask_decoder import SINGLE_MASK, THREE_MASKS
from samara.networks.plain import is_plain

C, GRID = 32, (6, 5)


def numbers(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def decoder():
    """Weights with which no part is near zero or one."""
    transformer = EfficientSamTwoWayTransformer(embedding_dim=C, num_heads=4, mlp_dim=48)
    decoder = EfficientSamMaskDecoder(transformer=transformer, transformer_dim=C)
    for index, parameter in enumerate(decoder.parameters()):
        parameter.data = 0.3 * numbers(*parameter.shape, seed=index) + (1.0 if parameter.ndim == 1 else 0.0)
    return decoder.eval()


IMAGE, POSITIONS = numbers(1, C, *GRID, seed=1), numbers(1, C, *GRID, seed=2)
NO_MASK = torch.zeros(1, C, 1, 1)


@pytest.mark.parametrize(("multimask", "masks"), [(True, 3), (False, 1)])
@pytest.mark.parametrize("count", [0, 5])
def test_shapes(decoder, multimask, masks, count):
    logits, iou = decoder(IMAGE, POSITIONS, numbers(count, 6, C), NO_MASK.expand(count, -1, *GRID), multimask)
    assert logits.shape == (count, masks, 24, 20)
    assert iou.shape == (count, masks)
    assert is_plain(decoder)


def test_one_mask_is_the_best_of_three(decoder):
    asked = IMAGE, POSITIONS, numbers(5, 6, C), NO_MASK.expand(5, -1, *GRID)
    logits, iou = decoder(*asked, False)
    three, of_three = decoder(*asked, True)
    assert iou[:, 0].equal(of_three.amax(dim=1))
    assert logits[:, 0].equal(three[torch.arange(5), of_three.argmax(dim=1)])
    masks = torch.arange(6.0).view(2, 3, 1, 1)
    chosen, _ = decoder.single_of(masks, torch.tensor([[0.1, 0.3, 0.2], [0.9, 0.3, 0.2]]))
    assert chosen.flatten().tolist() == [1, 3]


@pytest.mark.parametrize("is_first", [True, False])
def test_tokens_add_to_what_they_attend_to(is_first):
    block = EfficientSamBlock(C, 4, 48, 2, is_first)
    tokens, positions = numbers(2, 7, C), numbers(2, 7, C, seed=1)
    kept = tokens if is_first else tokens + positions
    expected = block.norm1(kept + block.self_attn(kept, kept, kept))
    torch.testing.assert_close(block.consult(tokens, positions), expected)


def test_all_pixels_and_channels_of_a_mask_are_normalised_together(decoder):
    first, norm, _, second = decoder.upscaling_layers()
    images = numbers(2, C, *GRID)
    x = first(images)
    mean, variance = (moment.view(2, 1, 1, 1) for moment in (x.mean((1, 2, 3)), x.var((1, 2, 3), correction=0)))
    x = (x - mean) / (variance + norm.eps).sqrt() * norm.weight.view(-1, 1, 1) + norm.bias.view(-1, 1, 1)
    expected = F.gelu(second(F.gelu(x)))
    torch.testing.assert_close(decoder.final_output_upscaling_layers(images), expected)


@pytest.mark.parametrize("masks", [SINGLE_MASK, THREE_MASKS], ids=["one", "three"])
def test_prompts_that_share_an_image_have_the_masks_of_the_plain_decoder(decoder, masks):
    prompts = numbers(5, 6, C, seed=3)
    with torch.inference_mode():
        quick = decoder.look_shared(decoder.share(IMAGE, POSITIONS, NO_MASK, torch.float32), prompts)
        plain = decoder.look(IMAGE, POSITIONS, prompts, NO_MASK.expand(5, -1, *GRID))
        torch.testing.assert_close(quick.predicted_iou, plain.predicted_iou, rtol=1e-4, atol=1e-4)
        expected, found = decoder.draw(plain, masks), decoder.draw(quick, masks)
    assert ((found - expected).abs().max() / expected.abs().max()).item() < 1e-5


def test_bfloat16_stays_near(decoder):
    prompts = numbers(4, 6, C, seed=4)
    with torch.inference_mode():
        near, exact = (
            decoder.draw(decoder.look_shared(decoder.share(IMAGE, POSITIONS, NO_MASK, dtype), prompts), THREE_MASKS)
            for dtype in (torch.bfloat16, torch.float32)
        )
    assert ((near - exact).norm() / exact.norm()).item() < 0.06
