"""The attention kernel: what fused attention gives."""

from __future__ import annotations

import pytest
import torch

from samara.networks.fused_attention import attend_fused

pytest.importorskip("triton")


@pytest.mark.parametrize("dtype", [torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.gpu)])
@pytest.mark.parametrize(("grid_hw", "width", "heads"), [((8, 16), 64, 2), ((8, 32), 80, 1), ((64, 64), 64, 3)])
def test_it_attends_as_exactly_as_pytorch(device, grid_hw, width, heads, dtype):
    from samara.kernels.attention import attend_by_rows

    if device.type == "cpu" and (grid_hw == (64, 64) or dtype == torch.bfloat16):
        pytest.skip("the interpreter is slow, and computes bfloat16 products wrongly")
    h, w = grid_hw
    generator = torch.Generator().manual_seed(width)
    qkv = torch.randn(2, h * w, 3, heads, width, generator=generator).to(device)
    rows = torch.randn(h, h, width, generator=generator).to(device) / 4
    columns = torch.randn(w, w, width, generator=generator).to(device) / 4
    expected = attend_fused(qkv, rows, columns)

    def distance(found):
        return float((found.float() - expected).norm() / expected.norm())

    rough = qkv.to(dtype), rows.to(dtype), columns.to(dtype)
    assert distance(attend_by_rows(*rough)) < max(2 * distance(attend_fused(*rough)), 2e-3)
