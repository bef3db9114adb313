"""What is done pixel by pixel equals the layers on whole images."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from samara.networks import pixelwise
from samara.networks.layers import LayerNorm2d
from samara.networks.pixelwise import PixelUpscaling, as_linear, normalise_pixels, place_pixels

H, W = 3, 5


@pytest.mark.parametrize("norm", [LayerNorm2d(6), nn.GroupNorm(1, 6)], ids=["pixels", "image"])
def test_norms(norm):
    torch.manual_seed(0)
    for parameter in norm.parameters():
        nn.init.normal_(parameter)
    images = torch.randn(2, 6, H, W)
    found = normalise_pixels(norm, images.permute(0, 2, 3, 1))
    torch.testing.assert_close(found.permute(0, 3, 1, 2), norm(images), rtol=1e-4, atol=1e-5)


def test_two_transposed_convolutions_and_the_order_of_their_pixels():
    torch.manual_seed(0)
    first, second = nn.ConvTranspose2d(6, 4, 2, 2), nn.ConvTranspose2d(4, 2, 2, 2)
    image = torch.randn(1, 6, H, W)
    x = image[0].flatten(1).T  # (L, C)
    for layer in (first, second):
        weight, bias = as_linear(layer)
        x = (x @ weight.T + bias).view(-1, len(bias) // 4)
    placed = torch.empty(2, 4 * H, 4 * W)
    place_pixels(placed, x.T.reshape(2, -1), (H, W))
    torch.testing.assert_close(placed, second(first(image))[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("channels", "is_drawn"), [(64, True), (8, False)])
def test_a_kernel_draws_where_it_knows_the_steps_and_the_sizes(channels, is_drawn, monkeypatch):
    monkeypatch.setattr(pixelwise, "runs_kernels", lambda device: True)
    drawn = channels // 2
    steps = PixelUpscaling(
        torch.zeros(4 * channels),
        LayerNorm2d(channels),
        nn.GELU(),
        torch.zeros(4 * drawn, channels),
        torch.zeros(4 * drawn),
    )
    assert steps.fits_kernel is is_drawn
    assert not replace(steps, norm=nn.GroupNorm(1, channels)).fits_kernel
    assert not replace(steps, activation=nn.GELU(approximate="tanh")).fits_kernel
    assert not replace(steps, activation=nn.ReLU()).fits_kernel
