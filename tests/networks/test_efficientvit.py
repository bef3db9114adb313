"""EfficientViT-SAM's image encoder at a small size, and the network that it is part of.

Values: tests/parity/test_efficientvit_networks.py.
"""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from samara.networks import efficientvit
from samara.networks.architectures import EfficientViTConfig
from samara.networks.build import build_sam
from samara.networks.efficientvit import HEAD_WIDTH, EfficientViT, LinearAttention, linear_attention
from samara.networks.plain import is_plain
from samara.networks.variants import VARIANTS

FIVE = EfficientViTConfig(widths=(8, 8, 16, 16, 32), depths=(0, 1, 1, 2, 1), neck_depth=2)
SIX = EfficientViTConfig(
    widths=(8, 8, 8, 16, 32, 64),
    depths=(0, 1, 1, 1, 1, 1),
    kinds=("residual", "fused", "fused", "fused", "attention", "attention"),
    expansions=(1, 2, 2, 2, 2, 2),
    attention_kernel=3,
    neck_depth=1,
    neck_expansion=2,
)


def seeded(config):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return EfficientViT(**dataclasses.asdict(config)).eval()


@pytest.mark.parametrize(("config", "stride"), [(FIVE, 8), (SIX, 16)], ids=["five stages", "six stages"])
def test_the_grid_is_that_of_the_last_stage_but_two(config, stride):
    encoder = seeded(config)
    assert encoder.stride == stride == config.stride
    assert is_plain(encoder)
    images = torch.randn(2, 3, 64, 128)
    assert encoder(images).shape == (2, 256, 64 // stride, 128 // stride)
    sides = [one.shape[-2] for one in encoder.backbone(images)]
    assert sides == [64 >> shift for shift in range(1, len(config.widths) + 1)]


@pytest.mark.parametrize("size", [(0, 64), (48, 64), (64, 80)])
def test_the_coarsest_stage_must_be_whole(size):
    with pytest.raises(ValueError, match="positive multiple of 32"):
        seeded(FIVE)(torch.zeros(1, 3, *size))


def test_images_of_a_batch_do_not_see_each_other():
    encoder, images = seeded(FIVE), torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(encoder(images)[1:], encoder(images[1:]), rtol=1e-4, atol=1e-5)


def by_softmaxless_weights(qkv):
    """Pixel by pixel: what each sees of each other one, the weights of a pixel summing to 1."""
    B, C, H, W = qkv.shape  # noqa: N806
    q, k, v = qkv.view(B, -1, 3, HEAD_WIDTH, H * W).unbind(2)
    weights = F.relu(q).transpose(-1, -2) @ F.relu(k)  # (B, heads, H · W, H · W)
    return (v @ (weights / weights.sum(-1, keepdim=True)).transpose(-1, -2)).reshape(B, C // 3, H, W)


@pytest.mark.parametrize("grid", [(8, 6), (4, 5)])  # the original computes up to 32 pixels in another order
def test_linear_attention_weighs_every_pixel(grid):
    qkv = torch.randn(2, 2 * 3 * HEAD_WIDTH, *grid, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(linear_attention(qkv), by_softmaxless_weights(qkv), rtol=1e-4, atol=1e-5)


def test_a_pixel_that_attends_to_nothing_gets_nothing():
    qkv = -torch.ones(1, 3 * HEAD_WIDTH, 3, 3)
    assert not linear_attention(qkv).any()


@pytest.mark.parametrize("autocast", [torch.bfloat16, torch.float16])
def test_attention_is_computed_in_float32_under_autocast(autocast, monkeypatch):
    seen = []

    def watched(qkv):
        seen.append((qkv.dtype, torch.is_autocast_enabled("cpu")))
        return linear_attention(qkv)

    monkeypatch.setattr(efficientvit, "linear_attention", watched)
    attention = LinearAttention(32, 3).eval()
    with torch.inference_mode():
        exact = attention(torch.randn(1, 32, 8, 8, generator=torch.Generator().manual_seed(0)))
        with torch.autocast("cpu", dtype=autocast):
            rough = attention(torch.randn(1, 32, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert seen == [(torch.float32, False)] * 2
    assert rough.dtype == autocast
    assert (rough.float() - exact).norm() / exact.norm() < 0.05


def test_large_values_do_not_overflow_in_float16():
    """Sums over 4,096 pixels: 100² · 4096 is far above 65,504."""
    attention = LinearAttention(32, 3).eval()
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.float16):
        attention.qkv.conv.weight.mul_(1000)
        assert attention(torch.randn(1, 32, 64, 64)).isfinite().all()


def test_float64_stays_float64():
    assert seeded(FIVE).double()(torch.randn(1, 3, 64, 64, dtype=torch.float64)).dtype == torch.float64


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_sam(dataclasses.replace(VARIANTS["efficientvit_sam_l0"], image_encoder=FIVE), input_size=64).eval()


def test_prompts_are_in_a_frame_of_16_pixels_for_each_cell(network):
    assert network.prompt_encoder.input_image_size == (128, 128)
    assert network.prompt_encoder.image_embedding_size == (8, 8)
    points = torch.tensor([[[100.0, 20.0]]]), torch.tensor([[1]])
    with torch.inference_mode():
        images = torch.randn(1, 3, 64, 64)
        logits, iou = network(images, points, None, torch.randn(1, 1, 32, 32))
        assert (logits.shape, iou.shape) == ((1, 3, 32, 32), (1, 3))
        logits, _ = network(images, points)
        sparse, dense = network.prompt_encoder(points)
        again, _ = network.mask_decoder(
            network.image_encoder(images), network.prompt_encoder.get_dense_pe(), sparse, dense, True
        )
    torch.testing.assert_close(logits, again)


def test_every_norm_has_the_published_epsilon(network):
    norms = [one for one in network.modules() if hasattr(one, "eps")]
    assert len(norms) > 20
    assert {one.eps for one in norms} == {1e-6}
    assert {
        one.eps for one in build_sam(VARIANTS["vit_t"]).mask_decoder.transformer.modules() if hasattr(one, "eps")
    } == {1e-5}
