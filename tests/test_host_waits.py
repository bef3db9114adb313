"""What the tests of GPU code see: every way in which the host waits, and none in which it does not."""

from __future__ import annotations

import pytest
import torch

from tests.host_waits import host_waits

X = torch.arange(4.0)
META = torch.zeros(4, device="meta")


@pytest.mark.parametrize(
    "work",
    [
        lambda: X.sum().item(),
        lambda: bool(X.any()),
        lambda: int(X[0]),
        lambda: X.nonzero(),
        lambda: X[X > 0],
        lambda: X.clone().__setitem__(X > 0, 1.0),
        lambda: X.tolist(),
        lambda: X.to("meta"),
        lambda: torch.tensor([1.0], device="meta"),
        lambda: META.new_tensor([1.0, 2.0]),
        lambda: META.copy_(X),
        lambda: X.repeat_interleave(torch.tensor([1, 2, 1, 0])),
    ],
)
def test_a_wait_is_seen(work):
    with host_waits() as waits:
        work()
    assert waits


@pytest.mark.parametrize(
    "work",
    [
        lambda: torch.where(X > 0, X, 0.0),
        lambda: X[torch.tensor([1, 2])],
        lambda: X.to("meta", non_blocking=True),
        lambda: META.copy_(X, non_blocking=True),
        lambda: META.new_full((1,), 3.0),
        lambda: META[1:].mean() * 2,
        lambda: X.repeat_interleave(2),
    ],
)
def test_what_does_not_wait_is_not_seen(work):
    with host_waits() as waits:
        work()
    assert not waits
