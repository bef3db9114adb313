"""Attention for GPUs: the bias as dimensions gives the plain formula, in shapes that flash attention takes."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from samara.networks import vit
from samara.networks.fused_attention import attend_fused, value_filling
from samara.networks.vit import ImageEncoderViT, attend_sliced


def inputs(h, w, d, dtype=torch.float32, device="cpu"):
    """Queries, keys and values of two grids and three heads, and positions of rows and columns."""
    generator = torch.Generator().manual_seed(7)

    def numbers(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype).to(device)

    return numbers(2, h * w, 3, 3, d), numbers(h, h, d), numbers(w, w, d)


def formula(qkv, rows, columns):
    """Scores of all pairs, and the bias of each looked up one by one."""
    q, k, v = qkv.double().cpu().permute(2, 0, 3, 1, 4)  # (B, heads, T, d)
    rows, columns, w = rows.double().cpu(), columns.double().cpu(), len(columns)
    scores = q @ k.mT / q.shape[-1] ** 0.5
    for t in range(q.shape[2]):
        for s in range(q.shape[2]):
            position = rows[t // w, s // w] + columns[t % w, s % w]
            scores[:, :, t, s] += q[:, :, t] @ position
    return (scores.softmax(-1) @ v).transpose(1, 2)


@pytest.mark.parametrize(("h", "w", "d"), [(2, 3, 8), (4, 4, 8), (3, 5, 20), (1, 1, 4)])
@pytest.mark.parametrize("attend", [attend_fused, attend_sliced])
def test_the_plain_formula(attend, h, w, d):
    given = inputs(h, w, d)
    found = attend(*given)
    assert found.shape == (2, h * w, 3, d)
    torch.testing.assert_close(found.double(), formula(*given), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_flash_attention_takes_what_it_gets(monkeypatch, dtype):
    """Its rules: four dimensions, widths that are multiples of 8, values as wide as queries, contiguous widths."""
    seen = []

    def attention(*tensors, **more):
        seen.append(tensors)
        return plain(*tensors, **more)

    plain = F.scaled_dot_product_attention
    monkeypatch.setattr(F, "scaled_dot_product_attention", attention)
    given = inputs(3, 5, 20, dtype)
    found = attend_fused(*given)
    torch.testing.assert_close(found.double(), formula(*given), atol=0.05, rtol=0.05)
    [(queries, keys, values)] = seen
    assert queries.shape == keys.shape == (2, 3, 15, 32)  # 20 + 3 + 5, filled to 32
    assert values.shape[-1] == (20 if dtype == torch.float32 else 32)
    assert all(one.ndim == 4 and one.stride(-1) == 1 and one.dtype == dtype for one in seen[0])


def test_values_are_widened_in_16_bits_alone():
    assert value_filling(torch.bfloat16, 96, 64) == 32
    assert value_filling(torch.float16, 64, 64) == 0
    assert value_filling(torch.float32, 96, 64) == 0


def test_gradients_are_those_of_the_sliced_form():
    found, expected = [], []
    for attend, gradients in ((attend_fused, found), (attend_sliced, expected)):
        given = [one.requires_grad_() for one in inputs(3, 4, 8)]
        attend(*given).square().sum().backward()
        gradients.extend(one.grad for one in given)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_a_whole_encoder_is_the_same(monkeypatch):
    torch.manual_seed(0)
    encoder = ImageEncoderViT(
        input_size=64, embed_dim=24, depth=2, num_heads=2, global_attention_blocks=(1,), window_size=3
    ).eval()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    images = torch.randn(2, 3, 64, 48)
    with torch.inference_mode():
        expected = encoder(images)
        monkeypatch.setattr(vit, "attend_sliced", attend_fused)
        torch.testing.assert_close(encoder(images), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_on_a_gpu_the_plain_formula_holds(dtype):
    given = inputs(6, 7, 64, dtype, "cuda")
    rough = dtype != torch.float32
    torch.testing.assert_close(
        attend_fused(*given).double().cpu(), formula(*given), atol=0.05 if rough else 1e-4, rtol=0.05 if rough else 1e-4
    )


@pytest.mark.gpu
@pytest.mark.parametrize(("side", "d"), [(64, 64), (64, 80), (14, 64), (14, 80)])
def test_flash_attention_takes_the_published_shapes(side, d):
    """SAM's ViT-B, -L and -H, in global blocks and in windows: nothing falls back to a slower kernel."""
    given = inputs(side, side, d, torch.bfloat16, "cuda")
    with torch.inference_mode(), torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.FLASH_ATTENTION):
        assert attend_fused(*given).isfinite().all()
