"""What is done pixel by pixel equals the layers on whole images."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from samara.networks.layers import LayerNorm2d
from samara.networks.pixelwise import as_linear, normalise_pixels, place_pixels

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
