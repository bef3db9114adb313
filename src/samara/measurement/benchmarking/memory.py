"""Peak memory of this process, over its whole life; separate measurements need separate processes."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from samara.measurement.records.numbers import Number, without_value

# Linux reports the peak of a process here.
STATUS = Path("/proc/self/status")


def peak_resident_bytes() -> int | None:
    """Return the peak resident set of this process, including Python and its libraries; None on Windows."""
    if STATUS.exists():
        # Not getrusage: it starts a new process at the peak of its parent.
        (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    if sys.platform == "win32":  # pragma: no cover - not run in our CI
        return None
    import resource  # pragma: no cover

    # macOS reports bytes, others kilobytes.
    scale = 1 if sys.platform == "darwin" else 1024  # pragma: no cover
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale  # pragma: no cover


def peak_device_bytes(device: str) -> int | None:
    """Return the peak memory that PyTorch allocated on a CUDA device; None for other devices."""
    return int(torch.cuda.max_memory_allocated(device)) if torch.device(device).type == "cuda" else None


def peaks(work: str, device: str, batch_size: int | None = None) -> list[Number]:
    """Return the peaks of this process as numbers.

    Args:
        work: prefix of the metric names: "load", "encode", "everything" or "finetune".
        device: device of the network.
        batch_size: see `Record`.
    """
    resident, on_device = peak_resident_bytes(), peak_device_bytes(device)
    return [
        _number(f"{work}_resident_peak_bytes", resident, "this system does not report peak memory", batch_size),
        _number(f"{work}_device_peak_bytes", on_device, f"PyTorch does not count memory on {device}", batch_size),
    ]


def _number(metric: str, value: int | None, otherwise: str, batch_size: int | None) -> Number:
    if value is None:
        return without_value(metric, "not applicable", otherwise, batch_size=batch_size)
    return Number(metric=metric, value=float(value), batch_size=batch_size)
