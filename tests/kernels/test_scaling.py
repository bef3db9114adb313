"""The scaling kernels: what PyTorch's operators compute, in float32."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("triton")


@pytest.fixture(params=[torch.float32, torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.gpu)])
def numbers(request, device):
    generator = torch.Generator().manual_seed(0)
    if device.type == "cpu" and request.param == torch.bfloat16:
        pytest.skip("no GPU")
    buffer = torch.randn(3, 9, 1500, generator=generator).to(device, request.param)
    return buffer, torch.rand(3, 1, 1500, generator=generator).to(device) + 0.5


def test_a_slice_is_scaled_in_place_and_the_rest_is_left(numbers):
    from samara.kernels.scaling import scale_pixels

    buffer, scale = numbers
    before = buffer.clone()
    scale_pixels(buffer[:, :5], scale)
    assert torch.equal(buffer[:, :5], (before[:, :5].float() * scale).to(buffer.dtype))
    assert torch.equal(buffer[:, 5:], before[:, 5:])


def test_sums_are_weighed_in_float32(numbers):
    from samara.kernels.scaling import weigh_sums

    buffer, scale = numbers
    sums, products = buffer[:, 4:9].contiguous(), buffer[:, 2:7].contiguous()
    weights = buffer[:, :5]
    expected = (weights.double() * (2 * scale.double() * sums.double() + products.double())).sum(1, keepdim=True)
    torch.testing.assert_close(weigh_sums(sums, products, weights, scale).double(), expected, atol=1e-4, rtol=1e-5)


def test_more_rows_than_an_axis_of_programs_holds(device):
    from samara.kernels.scaling import scale_pixels

    x, scale = torch.ones(70, 1000, 2, device=device), torch.full((70, 1, 2), 3.0, device=device)
    if device.type == "cpu":
        x = x[:, :3].contiguous()  # the interpreter runs a program after the other
    scale_pixels(x, scale)
    assert (x == 3).all()
