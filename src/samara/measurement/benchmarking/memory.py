"""Peaks of memory of this process. They hold for its whole life, so what shall not mix needs a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from samara.measurement.records.numbers import Number, without_value

# Linux tells a process its peak here.
STATUS = Path("/proc/self/status")


def peak_resident_bytes() -> int | None:
    """Highest resident set of this process so far, Python and its libraries included; None on Windows."""
    if STATUS.exists():
        # Not getrusage: there a new process begins with the peak of the one that started it.
        (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    if sys.platform == "win32":  # pragma: no cover - not run in our CI
        return None
    import resource  # pragma: no cover

    # macOS counts in bytes, others in kilobytes.
    scale = 1 if sys.platform == "darwin" else 1024  # pragma: no cover
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale  # pragma: no cover


def peak_device_bytes(device: str) -> int | None:
    """Most memory that PyTorch had allocated on a CUDA device at a time; None for other devices."""
    return int(torch.cuda.max_memory_allocated(device)) if torch.device(device).type == "cuda" else None


def peaks(work: str, device: str, batch_size: int | None = None) -> list[Number]:
    """The peaks of this process as numbers.

    Args:
        work: beginning of the metrics' names, "load", "encode" or "everything".
        device: where the network runs.
        batch_size: see `Record`.
    """
    resident, on_device = peak_resident_bytes(), peak_device_bytes(device)
    return [
        _number(f"{work}_resident_peak_bytes", resident, "this system does not tell peaks of memory", batch_size),
        _number(f"{work}_device_peak_bytes", on_device, f"{device} has no memory that PyTorch counts", batch_size),
    ]


def _number(metric: str, value: int | None, otherwise: str, batch_size: int | None) -> Number:
    if value is None:
        return without_value(metric, "not applicable", otherwise, batch_size=batch_size)
    return Number(metric=metric, value=float(value), batch_size=batch_size)
