"""The blocks of YOLO: attention and distances against the formulas written out, shapes of the rest."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from samara.networks.yolo_layers import (
    AttentionStage,
    ChainStage,
    ConvPair,
    ConvUnit,
    DistanceExpectation,
    InnerStage,
    PixelAttention,
    Prototypes,
    PyramidPooling,
)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(3)


def settled(module):
    """In eval mode, with statistics that are not those of a new network."""
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(std=0.3)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
    return module.eval()


def test_a_unit_is_convolution_norm_and_silu():
    unit = settled(ConvUnit(3, 5, 3, stride=2))
    x = torch.randn(2, 3, 9, 8)
    norm = unit.bn
    scaled = (F.conv2d(x, unit.conv.weight, stride=2, padding=1) - norm.running_mean.view(-1, 1, 1)) / (
        norm.running_var.view(-1, 1, 1) + 1e-3
    ).sqrt()
    assert torch.allclose(unit(x), scaled * scaled.sigmoid(), atol=1e-5)
    unit.activated = False
    assert torch.allclose(unit(x), scaled, atol=1e-5)


@pytest.mark.parametrize(
    "module",
    [
        ConvPair(8, 4),
        InnerStage(8),
        ChainStage(8, 8, hidden=4, blocks=2, block=InnerStage),
        PyramidPooling(8),
        AttentionStage(128, blocks=1),
    ],
    ids=lambda module: type(module).__name__,
)
def test_blocks_keep_the_size(module):
    x = torch.randn(1, 128 if isinstance(module, AttentionStage) else 8, 6, 7)
    assert settled(module)(x).shape == x.shape


def test_a_way_around_is_only_there_when_asked_for():
    pair = settled(ConvPair(4, 4))
    x = torch.randn(1, 4, 5, 5)
    with_way = pair(x)
    pair.residual = False
    assert torch.allclose(with_way - pair(x), x, atol=1e-6)


def test_pooling_sees_5_9_and_13_pixels():
    pooling = settled(PyramidPooling(2))
    seen = []
    pooling.cv2.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    pooling(torch.randn(1, 2, 15, 16))
    (levels,) = seen
    first = levels[:, :1]
    for index, side in enumerate((5, 9, 13), start=1):
        assert torch.equal(levels[:, index : index + 1], F.max_pool2d(first, side, stride=1, padding=side // 2))


def test_attention_is_the_formula_in_float64():
    attention = settled(PixelAttention(128)).double()
    x = torch.randn(1, 128, 3, 4, dtype=torch.float64)
    mixed = attention.qkv(x).view(2, 128, 12).detach().numpy()  # two heads
    heads, values = [], []
    for head in mixed:
        query, key, value = head[:32], head[32:64], head[64:]
        weights = np.exp(query.T @ key / math.sqrt(32))
        heads.append(value @ (weights / weights.sum(1, keepdims=True)).T)
        values.append(value)
    seen, value = (torch.from_numpy(np.concatenate(parts)).view(1, 128, 3, 4) for parts in (heads, values))
    assert torch.allclose(attention(x), attention.proj(seen + attention.pe(value)))


def test_prototypes_have_twice_the_resolution():
    assert settled(Prototypes(8, 16, 32))(torch.randn(1, 8, 5, 6)).shape == (1, 32, 10, 12)


def test_distances_are_means_of_distributions():
    expectation = DistanceExpectation(16)
    logits = torch.randn(2, 64, 7)
    distances = expectation(logits)
    chances = np.exp(logits.double().numpy().reshape(2, 4, 16, 7))
    chances /= chances.sum(2, keepdims=True)
    np.testing.assert_allclose(distances.numpy(), (chances * np.arange(16).reshape(16, 1)).sum(2), rtol=1e-5)
    certain = torch.zeros(1, 64, 1)
    certain[0, [3, 16 + 0, 32 + 15, 48 + 8], 0] = 100
    assert expectation(certain).flatten().tolist() == pytest.approx([3, 0, 15, 8])
    assert not expectation.conv.weight.requires_grad


def test_distances_stay_exact_in_half_precision():
    logits = torch.randn(1, 64, 50)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        distances = DistanceExpectation(16)(logits)
    assert distances.dtype == torch.float32
    assert torch.equal(distances, DistanceExpectation(16)(logits))
