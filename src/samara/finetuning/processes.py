"""Data-parallel training by several processes, started by `torchrun`.

Every process has the whole network and processes its share of each step's images; the gradients are summed. The step's
images, prompts and random numbers do not depend on the number of processes, so the curve equals that of one process up
to the order of additions.

torch's DistributedDataParallel is not used: it ties the sum to one `forward`, and here a step is several passes through
halves of the network (see `samara.finetuning.step`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

Item = TypeVar("Item")


@dataclass(frozen=True)
class Processes:
    """This process among those that train together; a single one by default.

    Attributes:
        rank: rank of this process, from 0.
        count: number of processes.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and reports progress."""
        return self.rank == 0

    def share(self, items: Iterable[Item]) -> list[Item]:
        """Return the items of this process: every count-th."""
        return list(islice(items, self.rank, None, self.count))

    def add_up_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Sum the gradients of all processes in place; a process without an image counts as zero."""
        if self.count == 1:
            return
        parameters = list(parameters)
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([gradient.flatten() for gradient in gradients])  # one message instead of hundreds
        dist.all_reduce(flat)
        parts = torch.split(flat, [parameter.numel() for parameter in parameters])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter)

    def add_up(self, numbers: Sequence[float], device: str) -> list[float]:
        """Return the sum of each number over all processes, bitwise equal in all of them."""
        if self.count == 1:
            return list(numbers)
        kind = torch.float32 if device.startswith("mps") else torch.float64
        sums: Tensor = torch.tensor(numbers, dtype=kind, device=device)
        dist.all_reduce(sums)
        totals: list[float] = sums.tolist()
        return totals

    def wait(self) -> None:
        """Wait until every process has reached this point."""
        if self.count > 1:
            dist.barrier()


def local_device(device: str) -> str:
    """Return the device of this process: with "auto" or "cuda" and several processes, its own GPU."""
    local = os.environ.get("LOCAL_RANK")
    if local is None or device not in ("auto", "cuda") or not torch.cuda.is_available():
        return device
    return f"cuda:{local}"


@contextmanager
def joined_processes(device: str) -> Iterator[Processes]:
    """Join the processes started by `torchrun`; without `torchrun`, this process is alone.

    Args:
        device: device of this process; decides between NCCL and Gloo.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes()
        return
    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Processes(dist.get_rank(), count)
    finally:
        dist.destroy_process_group()
