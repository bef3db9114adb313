"""Folded networks compute the same, with fewer layers, and leave the original alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from samara.engines.torch_engine import TorchEngine
from samara.networks.folding import fold, folded, may_fold
from samara.networks.lora import add_lora
from tests.engines.conftest import small

NORMED = ["vit_t", "efficientvit_sam_l0", "edge_sam", "repvit_sam"]


def trained(name):
    """A small network whose batch norms do something."""
    network = small(name, 64).sam
    generator = torch.Generator().manual_seed(0)
    for norm in batch_norms(network):
        norm.running_mean.normal_(std=0.2, generator=generator)
        norm.running_var.uniform_(0.5, 2, generator=generator)
        with torch.no_grad():
            norm.weight.uniform_(0.5, 2, generator=generator)
            norm.bias.normal_(std=0.2, generator=generator)
    return network


def batch_norms(network):
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


def images(count=1):
    return torch.randn(count, 3, 64, 64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", NORMED)
def test_every_batch_norm_is_folded_and_the_result_is_the_same(name):
    encoder = trained(name).image_encoder
    before = {key: one.clone() for key, one in encoder.state_dict().items()}
    own = folded(encoder)
    assert batch_norms(encoder)
    assert not batch_norms(own)
    with torch.inference_mode():
        torch.testing.assert_close(own(images()), encoder(images()), rtol=1e-3, atol=1e-4)
    assert all(one.equal(before[key]) for key, one in encoder.state_dict().items())


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_pair(bias, dtype):
    convolution = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=bias, dtype=dtype)
    norm = nn.BatchNorm2d(6, eps=1e-3, dtype=dtype).eval()
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    x = torch.randn(2, 4, 9, 9, dtype=dtype)
    own = fold(convolution, norm)
    assert own.weight.dtype == dtype
    with torch.inference_mode():
        torch.testing.assert_close(own(x), norm(convolution(x)))


def test_only_where_it_pays_and_is_the_same():
    encoder = trained("repvit_sam").image_encoder
    assert may_fold(encoder)
    assert not may_fold(trained("efficientvit_sam_l0").image_encoder)
    encoder.features[3].train()
    assert not may_fold(encoder)
    encoder.eval()
    handle = encoder.neck[0].register_forward_hook(lambda module, inputs, output: output)
    assert not may_fold(encoder)
    handle.remove()
    assert may_fold(encoder)
    add_lora(encoder, rank=1, generator=torch.Generator().manual_seed(0))
    assert not may_fold(encoder)


def test_an_engine_folds_once_and_again_after_any_change():
    network = trained("edge_sam")
    engine = TorchEngine(network, "cpu")
    first = engine.image_encoder
    assert not batch_norms(first)
    assert engine.image_encoder is first
    with torch.inference_mode():
        before = network.image_encoder(images())
        torch.testing.assert_close(engine.encode(images()), before, rtol=1e-3, atol=1e-4)
    network.image_encoder.features[2].channel_mixer.m[0].bn.running_mean.data += 3  # which PyTorch does not count
    with torch.inference_mode():
        after = network.image_encoder(images())
        assert not torch.allclose(after, before, atol=1e-2)
        torch.testing.assert_close(engine.encode(images()), after, rtol=1e-3, atol=1e-4)
    network.double()
    assert {one.dtype for one in engine.image_encoder.parameters()} == {torch.float64}
