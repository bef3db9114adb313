"""RepViT at a small size. Values: tests/parity/test_repvit_networks.py."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from samara.networks.architectures import REPVIT_M1, REPVIT_SAM, RepViTConfig
from samara.networks.plain import is_plain
from samara.networks.repvit import NormedBranches, NormedSum, RepViT, SqueezeExcite, is_squeezed, squeezed_width

FUSED = RepViTConfig(widths=(8, 16, 24, 32), depths=(3, 3, 4, 3), strides=(1, 2, 2, 2), branches="normed")
FLAT = dataclasses.replace(FUSED, strides=(1, 2, 2, 1), branches="normed sum")


def seeded(config):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return RepViT(**dataclasses.asdict(config)).eval()


@pytest.mark.parametrize(("config", "multiple"), [(FUSED, 32), (FLAT, 16)], ids=["fused", "flat"])
def test_the_grid_is_a_sixteenth(config, multiple):
    encoder = seeded(config)
    assert is_plain(encoder)
    assert encoder.multiple == multiple
    assert encoder(torch.randn(2, 3, 64, 96)).shape == (2, 256, 4, 6)


@pytest.mark.parametrize(("config", "size"), [(FUSED, (64, 48)), (FLAT, (64, 40)), (FUSED, (0, 64))])
def test_the_coarsest_stage_must_be_whole(config, size):
    with pytest.raises(ValueError, match="positive multiple of"):
        seeded(config)(torch.zeros(1, 3, *size))


@pytest.mark.parametrize("config", [FUSED, FLAT], ids=["fused", "flat"])
def test_images_of_a_batch_do_not_see_each_other(config):
    encoder, images = seeded(config), torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(encoder(images)[1:], encoder(images[1:]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("config", "blocks"),
    [(REPVIT_M1, [1, 5, *range(9, 23, 2), 25]), (REPVIT_SAM, [1, 3, 5, 9, 11, 13, *range(17, 51, 2), 53])],
    ids=["EdgeSAM", "RepViT-SAM"],
)
def test_the_published_blocks_are_squeezed(config, blocks):
    places = [(stage, place, depth) for stage, depth in enumerate(config.depths) for place in range(depth)]
    assert [number for number, place in enumerate(places, start=1) if is_squeezed(*place)] == blocks


@pytest.mark.parametrize(
    ("width", "inner"), [(8, 8), (48, 16), (80, 24), (96, 24), (160, 40), (192, 48), (320, 80), (384, 96), (640, 160)]
)
def test_squeezed_widths_are_multiples_of_eight(width, inner):
    assert squeezed_width(width) == inner


def test_excitation_scales_whole_channels():
    layer, x = SqueezeExcite(8).eval(), torch.randn(2, 8, 5, 5)
    with torch.inference_mode():
        ratios = layer(x) / x
    assert ((ratios > 0) & (ratios < 1)).all()
    torch.testing.assert_close(ratios, ratios[:, :, :1, :1].expand_as(ratios))


@pytest.mark.parametrize("kind", [NormedBranches, NormedSum])
def test_branches_equal_one_convolution(kind):
    torch.manual_seed(0)
    mixer = kind(6).double().eval()
    for name, tensor in mixer.state_dict().items():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 2) if "running_var" in name else tensor.normal_()
    x = torch.randn(2, 6, 7, 5, dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(mixer.as_convolution()(x), mixer(x))
