"""A profile of everything mode as a row of `gpu.py`: how busy the device is, and where the host spends its time."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity
from torch.profiler import profile as record

from benchmarks.gpu_rows import Figure, Run, weights_of
from benchmarks.gpu_timing import synchronise, timed

PRECISION = "bfloat16"
FUNCTIONS = 12
"""Host functions and device kernels that are named."""


def profile(run: Run) -> Iterator[Figure]:
    """Seconds of everything, of the device's work in it, and of the functions with most time of their own."""
    from benchmarks.contenders import ours

    everything = ours(weights_of(run, "vit_b"), precision=PRECISION).everything
    assert everything is not None, "samara has it"
    wall_s = timed(everything, run.device, calls=3, seconds=0.0 if run.quick else 4.0).median_s
    yield Figure(f"samara {PRECISION}", wall_s, "not profiled")
    yield from _of_device(run, everything, wall_s)
    yield from _of_host(run, everything)


def _of_device(run: Run, everything: Callable[[], object], wall_s: float) -> Iterator[Figure]:
    """Work of the device, by kernel; on a processor, operators."""
    is_cuda = torch.device(run.device).type == "cuda"
    with record(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if is_cuda else [])]) as recorded:
        everything()
        synchronise(run.device)
    events: Any = recorded.key_averages()
    if is_cuda:
        kernels = [event for event in events if event.device_type == torch.autograd.DeviceType.CUDA]
        own = {event.key: event.self_device_time_total / 1e6 for event in kernels}
    else:
        own = {event.key: event.self_cpu_time_total / 1e6 for event in events}
    if is_cuda:
        busy = sum(own.values())
        yield Figure("GPU busy", busy, f"{100 * busy / wall_s:.0f} % of {wall_s:.3f} s")
    what = "kernel" if is_cuda else "operator"
    for name, seconds in sorted(own.items(), key=lambda one: -one[1])[:FUNCTIONS]:
        yield Figure(f"{what}: {name[:80]}", seconds)


def _of_host(run: Run, everything: Callable[[], object]) -> Iterator[Figure]:
    """Functions of the host by time of their own, profiled apart, because profiling slows them down."""
    profiler = cProfile.Profile()
    profiler.enable()
    everything()
    synchronise(run.device)
    profiler.disable()
    stats: Any = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    own = sorted(stats.items(), key=lambda one: -one[1][2])[:FUNCTIONS]
    for (file, line, function), (_, calls, seconds, _, _) in own:
        where = f"{Path(file).name}:{line} {function}" if line else function
        yield Figure(f"host: {where}", seconds, f"{calls} calls")
