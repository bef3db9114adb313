"""The convolutional pyramid: one grid whatever the picture, every weight in use."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch

from samara.networks.conv_pyramid import ConvPyramid
from samara.variants import ConvPyramidConfig

SMALL = ConvPyramidConfig(widths=(4, 8, 12, 16, 20), depths=(1, 2, 0, 1), joined_width=16)


@pytest.fixture(scope="module")
def encoder():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ConvPyramid(**asdict(SMALL)).eval()


@pytest.mark.parametrize("size_hw", [(16, 16), (32, 48), (80, 208), (64, 112)])
def test_any_multiple_of_16(encoder, size_hw):
    with torch.inference_mode():
        embedding = encoder(torch.randn(2, 3, *size_hw))
    assert embedding.shape == (2, 256, size_hw[0] // 16, size_hw[1] // 16)
    assert embedding.isfinite().all()


@pytest.mark.parametrize("size_hw", [(24, 32), (32, 40)])
def test_other_sizes_are_refused(encoder, size_hw):
    with pytest.raises(ValueError, match="16"):
        encoder(torch.randn(1, 3, *size_hw))


def test_images_do_not_see_each_other(encoder):
    images = torch.randn(3, 3, 64, 64)
    with torch.inference_mode():
        together, alone = encoder(images), encoder(images[1:2])
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-5)


def test_gradients_reach_every_parameter():
    encoder = ConvPyramid(**asdict(SMALL)).train()
    encoder(torch.randn(2, 3, 64, 64)).square().sum().backward()
    assert [name for name, parameter in encoder.named_parameters() if parameter.grad is None] == []


def test_detail_finer_than_the_grid_reaches_the_embedding(encoder):
    """One pixel moved within its cell of 16 x 16 must change the embedding there: the decoder draws at 1/4."""
    first, second = torch.zeros(2, 1, 3, 64, 64)
    first[..., 18, 18] = 5
    second[..., 18, 22] = 5
    with torch.inference_mode():
        difference = (encoder(first) - encoder(second)).abs().amax(dim=(0, 1))
    assert difference[1, 1] > 0.01
