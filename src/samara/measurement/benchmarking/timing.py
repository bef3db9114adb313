"""How long calls take: the first apart from the rest, the device's work waited for, medians rather than means.

A GPU returns from a call before it has done the work; without waiting, the time of one call appears in the next. The
first call pays for memory, kernels and code that later ones find ready; mixed in, it says nothing about either.
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
        first: of the first call.
        steady: of the calls after it, at least one.
    """

    first: float
    steady: tuple[float, ...]

    def numbers(self, metric: str, *, per: int = 1, batch_size: int | None = None, note: str = "") -> list[Number]:
        """As numbers: the median with quartiles, and the first call.

        Args:
            metric: beginning of the two metrics' names, before "_seconds" and "_first_seconds".
            per: what one call does, e.g. images; durations are divided by it.
            batch_size: see `Record`.
            note: likewise.
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
    """Time a first call and then some more.

    Args:
        call: what is timed; gets the number of the call, from 0, so that it can take another image each time.
        repeats: most calls after the first.
        seconds: they stop after so many seconds, if there were three of them, or one that took as long by itself.
        device: whose work is waited for, before and after each call.
        clock: gives seconds.
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
    """Wait until a device has done all that it was given."""
    kind = torch.device(device).type
    if kind == "cuda":
        torch.cuda.synchronize(device)
    elif kind == "mps":
        torch.mps.synchronize()
