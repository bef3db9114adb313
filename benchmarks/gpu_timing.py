"""How `gpu.py` measures: each contender warm, the device synchronised before and after every call."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Timed:
    """What calls of one kind took.

    Attributes:
        first_s: seconds of the first call, with everything that is set up once.
        median_s: median of the calls after the second.
        calls: number of these.
        peak_gb: most that PyTorch allocated on a CUDA device during them, above what was there before; None elsewhere.
        result: what the last call gave.
    """

    first_s: float
    median_s: float
    calls: int
    peak_gb: float | None
    result: object


def synchronise(device: str) -> None:
    """Wait until the device has done its work."""
    kind = torch.device(device).type
    if kind == "cuda":
        torch.cuda.synchronize(device)
    elif kind == "mps":
        torch.mps.synchronize()


def timed(run: Callable[[], object], device: str, *, calls: int = 10, seconds: float = 4.0) -> Timed:
    """Time a first call, a second that warms up, and several more.

    Args:
        run: the call.
        device: where it works.
        calls: most calls after the second.
        seconds: time after which no further call starts; there is at least one.
    """
    is_cuda = torch.device(device).type == "cuda"
    before = torch.cuda.memory_allocated(device) if is_cuda else 0
    first_s, result = _once(run, device)
    if is_cuda:
        torch.cuda.reset_peak_memory_stats(device)
    if first_s < seconds:
        result = _once(run, device)[1]
    durations: list[float] = []
    while not durations or (len(durations) < calls and sum(durations) < seconds):
        result = None  # frees what the last call gave
        duration, result = _once(run, device)
        durations.append(duration)
    peak = (torch.cuda.max_memory_allocated(device) - before) / 1e9 if is_cuda else None
    return Timed(first_s, statistics.median(durations), len(durations), peak, result)


def _once(run: Callable[[], object], device: str) -> tuple[float, object]:
    synchronise(device)
    started = time.perf_counter()
    result = run()
    synchronise(device)
    return time.perf_counter() - started, result


def forget() -> None:
    """Free the memory of a contender that is done."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
