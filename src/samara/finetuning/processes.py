"""Several processes that train one network together, as `torchrun` starts them.

Every process holds the whole network and takes its share of each step's images; the gradients are added up. The
step's images, prompts and random numbers do not depend on how many processes share them, so the curve is that of
one process up to the order of additions.

torch's DistributedDataParallel is not used: it wires the sum into one `forward`, and here a step is several passes
through halves of the network (see `samara.finetuning.step`).
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
    """This process among those that train together; by itself unless told otherwise.

    Attributes:
        rank: of this process, from 0.
        count: how many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this one writes files and tells of progress."""
        return self.rank == 0

    def share(self, items: Iterable[Item]) -> list[Item]:
        """The items that fall to this process: every count-th."""
        return list(islice(items, self.rank, None, self.count))

    def add_up_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give every process the sum of all processes' gradients; who had no image counts as zero."""
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
        """The sum over all processes of each number, the same to the last bit in all of them."""
        if self.count == 1:
            return list(numbers)
        kind = torch.float32 if device.startswith("mps") else torch.float64
        sums: Tensor = torch.tensor(numbers, dtype=kind, device=device)
        dist.all_reduce(sums)
        totals: list[float] = sums.tolist()
        return totals

    def wait(self) -> None:
        """Until every process has come here."""
        if self.count > 1:
            dist.barrier()


def local_device(device: str) -> str:
    """The device of this process on its machine: with "auto" or "cuda" and several processes, a GPU of its own."""
    local = os.environ.get("LOCAL_RANK")
    if local is None or device not in ("auto", "cuda") or not torch.cuda.is_available():
        return device
    return f"cuda:{local}"


@contextmanager
def joined_processes(device: str) -> Iterator[Processes]:
    """Join the processes that `torchrun` started together; without `torchrun`, this process is alone.

    Args:
        device: that this process trains on; decides between NCCL and Gloo.
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
