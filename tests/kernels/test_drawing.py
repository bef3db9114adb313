"""The drawing kernel: the masks of PyTorch's operators."""

from __future__ import annotations

import pytest
import torch

from samara.networks.layers import LayerNorm2d
from samara.networks.pixelwise import PixelMaps, PixelUpscaling, place_pixels, sums_of_pixels

C, D = 64, 32


def upscaling(generator, device, *, grid_hw=None, dtype=torch.float32):
    """Random steps, with maps of a grid if its size is given."""

    def numbers(*shape):
        return torch.randn(*shape, generator=generator).to(device, dtype)

    norm = LayerNorm2d(C).requires_grad_(False).to(device)
    norm.weight.copy_(numbers(C))
    norm.bias.copy_(numbers(C))
    maps = None
    if grid_hw:
        cells = grid_hw[0] * grid_hw[1]
        maps = PixelMaps(finest=numbers(cells * 16, D), finer=numbers(cells * 4, C))
    first_bias = numbers(C).repeat(4)
    return PixelUpscaling(first_bias, norm, torch.nn.GELU(), numbers(4 * D, C) / 8, numbers(D).repeat(4), maps)


def by_operators(steps, weights, pixels, grid_hw):
    h, w = grid_hw
    out = torch.empty(*weights.shape[:2], 4 * h, 4 * w, device=pixels.device)
    sums = sums_of_pixels(weights, steps.upscaled(pixels.clone()))
    place_pixels(out.flatten(0, 1), sums.flatten(0, 1), grid_hw)
    return out


@pytest.mark.parametrize("has_maps", [False, True])
@pytest.mark.parametrize(("prompts", "masks"), [(1, 1), (2, 3), (3, 4)])
@pytest.mark.parametrize("grid_hw", [(5, 7), (8, 8)])
def test_it_draws_what_the_operators_draw(device, has_maps, prompts, masks, grid_hw):
    generator = torch.Generator().manual_seed(prompts)
    steps = upscaling(generator, device, grid_hw=grid_hw if has_maps else None)
    pixels = torch.randn(prompts, grid_hw[0] * grid_hw[1], 4 * C, generator=generator).to(device)
    weights = torch.randn(prompts, masks, D, generator=generator).to(device)
    torch.testing.assert_close(
        steps.drawn(weights, pixels, grid_hw), by_operators(steps, weights, pixels, grid_hw), atol=1e-4, rtol=1e-4
    )


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_16_bits_it_is_nearer_to_float32_than_the_operators_are(dtype):
    generator = torch.Generator().manual_seed(0)
    exact = upscaling(generator, "cuda")
    pixels = torch.randn(4, 64 * 64, 4 * C, generator=generator).cuda()
    weights = torch.randn(4, 3, D, generator=generator).cuda()
    rough = PixelUpscaling(
        exact.first_bias.to(dtype),
        exact.norm,
        exact.activation,
        exact.second_weight.to(dtype),
        exact.second_bias.to(dtype),
    )
    expected = by_operators(exact, weights, pixels, (64, 64))

    def distance(found):
        return float((found.float() - expected).norm() / expected.norm())

    ours = distance(rough.drawn(weights, pixels.to(dtype), (64, 64)))
    theirs = distance(by_operators(rough, weights.to(dtype), pixels.to(dtype), (64, 64)))
    assert ours <= theirs < 0.02
