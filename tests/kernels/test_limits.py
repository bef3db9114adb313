"""What the attention kernel takes."""

from __future__ import annotations

import pytest
import torch

from samara.kernels.limits import draws, fits


@pytest.mark.parametrize(
    ("grid_hw", "width", "dtype", "taken"),
    [
        ((64, 64), 64, torch.bfloat16, True),
        ((64, 64), 80, torch.float16, True),
        ((32, 32), 64, torch.bfloat16, True),
        ((64, 64), 64, torch.float32, False),
        ((14, 14), 64, torch.bfloat16, False),  # windows
        ((48, 48), 64, torch.bfloat16, False),
        ((4, 16), 64, torch.bfloat16, False),
        ((64, 64), 96, torch.bfloat16, False),
    ],
)
def test_it_takes_grids_whose_rows_are_a_product(grid_hw, width, dtype, taken):
    h, w = grid_hw
    assert fits(torch.empty(1, h * w, 3, 2, width, dtype=dtype, device="meta"), h, w) is taken


@pytest.mark.parametrize(
    ("channels", "drawn", "taken"), [(64, 32, True), (16, 16, True), (8, 4, False), (48, 32, False), (64, 24, False)]
)
def test_it_draws_powers_of_two_that_fill_a_product(channels, drawn, taken):
    assert draws(channels, drawn) is taken
