"""Fixed sizes: the smallest that fits the prompts, the largest that fits the memory."""

from __future__ import annotations

import pytest
import torch

from samara.engines.engine import InputPrompts
from samara.engines.fixed_sizes import BYTES_PER_CELL, SIZES, filled, fixed_size, free_memory, largest_size


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 8), (8, 8), (9, 64), (64, 64)])
def test_the_smallest_size_that_holds_them(count, size):
    assert fixed_size(count) == size


@pytest.mark.parametrize(("free_gb", "size"), [(80, 64), (3, 64), (2.5, 8), (0.4, 8), (0.1, 1), (0.0, 1)])
def test_the_largest_size_that_memory_holds(free_gb, size):
    found = largest_size(int(free_gb * 1e9), 64 * 64)
    assert found == size
    assert found == 1 or found * 64 * 64 * BYTES_PER_CELL <= free_gb * 1e9


def test_smaller_embeddings_need_less():
    assert largest_size(200_000_000, 64 * 64) < largest_size(200_000_000, 16 * 16) == SIZES[-1]


def test_free_memory_counts_what_pytorch_keeps(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100, 1000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 50)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 20)
    assert free_memory(torch.device("cuda")) == 130


def test_a_batch_is_filled_with_its_last_prompt():
    prompts = InputPrompts(
        points=(torch.arange(6.0).view(3, 1, 2), torch.tensor([[1], [0], [1]])),
        boxes=None,
        masks=None,
        image_of_prompt=torch.tensor([0, 1, 1]),
    )
    batch = filled(prompts, 8)
    assert len(batch) == 8
    assert batch.points[0][:3].equal(prompts.points[0])
    assert (batch.points[0][3:] == prompts.points[0][2]).all()
    assert batch.image_of_prompt.tolist() == [0, *[1] * 7]
    assert filled(prompts, 3) is prompts
