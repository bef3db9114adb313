"""Timing of calls: first call apart, device synchronised, medians instead of means.

A call to a GPU returns before the work is done; without synchronisation its time would be charged to the next call. The
first call also allocates memory and compiles kernels, so it is reported separately.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from samara.measurement.records.numbers import Number
from samara.measurement.records.records import Interval

MIN_CALLS = 3


@dataclass(frozen=True)
class Timing:
    """Durations of one kind of call, in seconds.

    Attributes:
        first: duration of the first call.
        steady: durations of the calls after it, at least one.
    """

    first: float
    steady: tuple[float, ...]

    def numbers(self, metric: str, *, per: int = 1, batch_size: int | None = None, note: str = "") -> list[Number]:
        """Return the median with quartiles, and the first call, as numbers.

        Args:
            metric: prefix of the two metric names, before "_seconds" and "_first_seconds".
            per: units of work per call, e.g. images, by which durations are divided.
            batch_size: see `Record`.
            note: see `Record`.
        """
        low, median, high = (float(one) for one in np.percentile(self.steady, (25, 50, 75)) / per)
        return [
            Number(
                metric=f"{metric}_seconds",
                value=median,
                interval=Interval(low=low, high=high, kind="quartiles") if len(self.steady) > 1 else None,
                n=len(self.steady),
                batch_size=batch_size,
                note=note,
            ),
            Number(metric=f"{metric}_first_seconds", value=self.first / per, batch_size=batch_size, note=note),
        ]


def time_calls(
    call: Callable[[int], object],
    *,
    repeats: int,
    seconds: float,
    device: str,
    clock: Callable[[], float] = time.perf_counter,
) -> Timing:
    """Time a first call and several more.

    Args:
        call: function to time; receives the number of the call, from 0, to use a different image each time.
        repeats: maximum calls after the first.
        seconds: time after which calls stop, provided there were three, or one that took this long by itself.
        device: device to synchronise before and after each call.
        clock: clock in seconds.
    """
    durations: list[float] = []
    for number in range(1 + repeats):
        synchronise(device)
        started = clock()
        call(number)
        synchronise(device)
        durations.append(clock() - started)
        steady = durations[1:]
        if sum(steady) >= seconds and (len(steady) >= MIN_CALLS or max(steady) >= seconds):
            break
    return Timing(durations[0], tuple(durations[1:]))


def synchronise(device: str) -> None:
    """Wait until a device has finished its queued work."""
    kind = torch.device(device).type
    if kind == "cuda":
        torch.cuda.synchronize(device)
    elif kind == "mps":
        torch.mps.synchronize()
