"""The form for GPUs: the same bits as autocast gives, with weights cast once and the original untouched."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from samara.networks.device_form import CAST_BY_AUTOCAST, device_form
from samara.networks.folding import folded, may_fold
from samara.networks.plain import is_plain
from tests.engines.conftest import small

NAMES = ["vit_b", "vit_t", "repvit_sam", "efficientvit_sam_l0", "sam2.1_hiera_t", "efficient_sam_ti", "edge_sam"]


@pytest.fixture(params=NAMES)
def encoder(request):
    return small(request.param, 64).network.image_encoder


def images():
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def answer(encoder, dtype):
    with torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32, cache_enabled=False):
        return encoder(images().contiguous(memory_format=torch.channels_last)).float()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_computes_what_autocast_computes(encoder, dtype):
    own = folded(encoder) if may_fold(encoder) else encoder
    expected, exact = answer(own, dtype), answer(encoder, torch.float32)
    found = answer(device_form(encoder, dtype), dtype)
    difference = ((found - expected).norm() / exact.norm()).item()
    rounding = ((expected - exact).norm() / exact.norm()).item()
    # Sums of a convolution may be in another order, which can change the last bit of a number before it is rounded.
    assert difference <= (1e-5 if dtype == torch.float32 else 0.5 * rounding)


def test_a_block_gives_the_same_bits():
    encoder = small("vit_b", 64).network.image_encoder
    x = torch.randn(2, 4, 4, 48, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        expected, found = (one.blocks[0](x) for one in (encoder, device_form(encoder, torch.bfloat16)))
    assert found.equal(expected)


def test_layers_are_cast_and_nothing_else(encoder):
    before = {name: (value.dtype, value.data_ptr()) for name, value in encoder.named_parameters()}
    form = device_form(encoder, torch.bfloat16)
    for module in form.modules():
        for weight in module.parameters(recurse=False):
            assert weight.dtype == (torch.bfloat16 if isinstance(module, CAST_BY_AUTOCAST) else torch.float32)
            assert not isinstance(module, CAST_BY_AUTOCAST) or not weight.requires_grad
        if isinstance(module, nn.Conv2d):
            assert module.weight.is_contiguous(memory_format=torch.channels_last)
    assert {name: (value.dtype, value.data_ptr()) for name, value in encoder.named_parameters()} == before
    assert is_plain(encoder)


def test_what_is_unchanged_is_shared():
    encoder = small("vit_b", 64).network.image_encoder
    form = device_form(encoder, torch.bfloat16)
    assert form.pos_embed is encoder.pos_embed
    assert form.blocks[0].norm1.weight is encoder.blocks[0].norm1.weight
    in_float32 = device_form(encoder, torch.float32)
    assert in_float32.blocks[0].mlp.lin1.weight.data_ptr() == encoder.blocks[0].mlp.lin1.weight.data_ptr()


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_it_computes_what_autocast_computes_on_a_gpu(encoder, dtype):
    encoder = encoder.cuda()
    given = images().cuda().contiguous(memory_format=torch.channels_last)
    with torch.inference_mode(), torch.autocast("cuda", dtype, cache_enabled=False):
        expected, found = encoder(given).float(), device_form(encoder, dtype)(given).float()
    assert ((found - expected).norm() / expected.norm()).item() < 0.02
