"""Counting where the host would wait for a GPU, without one.

On a processor, operations whose result decides what happens next are seen: a number read, indices of what is true. On
the meta device, which stands for a GPU, copies between host and device are seen as well, and reading a number fails.
"""

from __future__ import annotations

import contextlib

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

WAITING = {
    torch.ops.aten._local_scalar_dense.default,
    torch.ops.aten.nonzero.default,
    torch.ops.aten.masked_select.default,
    torch.ops.aten._unique2.default,
    torch.ops.aten.repeat_interleave.Tensor,
    torch.ops.aten.equal.default,
}
INDEXING = {torch.ops.aten.index.Tensor}
PUTTING = {torch.ops.aten.index_put_.default, torch.ops.aten.index_put.default}


@contextlib.contextmanager
def host_waits(device="cpu"):
    """Yield a list that gets the operations in the block in which the host would wait, if that device were a GPU."""
    waits = []
    with Calls(waits, device), Operations(waits, device):
        yield waits


class Calls(TorchFunctionMode):
    """Sees what makes tensors of numbers of the host, or such numbers of tensors."""

    def __init__(self, waits, device):
        super().__init__()
        self.waits, self.device = waits, device

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        copied = func in (torch.tensor, torch.as_tensor, torch.Tensor.new_tensor) and result.device.type != "cpu"
        if copied or (func is torch.Tensor.tolist and args[0].device.type == self.device):
            self.waits.append(func.__name__)
        return result


class Operations(TorchDispatchMode):
    """Sees operations whose result the host reads, and copies between devices."""

    def __init__(self, waits, device):
        super().__init__()
        self.waits, self.device = waits, device

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        reads = func in WAITING or (func in INDEXING | PUTTING and by_booleans(args[1]))
        if (reads and args[0].device.type == self.device) or is_slow_copy(func, args, kwargs):
            self.waits.append(str(func))
        return func(*args, **kwargs)


def by_booleans(indices):
    return any(index is not None and index.dtype == torch.bool for index in indices)


def is_slow_copy(func, args, kwargs):
    """Whether it copies between devices and waits for it; a number that is filled in is no copy."""
    if func is torch.ops.aten._to_copy.default:
        device = kwargs.get("device")
        return device is not None and torch.device(device) != args[0].device and not kwargs.get("non_blocking")
    if func is torch.ops.aten.copy_.default:
        non_blocking = kwargs.get("non_blocking", args[2] if len(args) > 2 else False)
        return args[0].device != args[1].device and not non_blocking
    return False
