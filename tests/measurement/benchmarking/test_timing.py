"""Timing with a clock that is ours."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from samara.measurement.benchmarking import timing
from samara.measurement.benchmarking.timing import Timing, synchronise, time_calls


class Clock:
    """Calls take what they are told to; reading the clock takes nothing."""

    def __init__(self, durations):
        self.now, self.durations, self.calls = 0.0, list(durations), []

    def __call__(self):
        return self.now

    def call(self, number):
        self.calls.append(number)
        self.now += self.durations[min(number, len(self.durations) - 1)]


def run(durations, repeats=10, seconds=20.0):
    clock = Clock(durations)
    return time_calls(clock.call, repeats=repeats, seconds=seconds, device="cpu", clock=clock), clock


def test_the_first_call_is_kept_apart():
    timed, clock = run([9, 1, 2, 3], repeats=3)
    assert timed == Timing(9, (1, 2, 3))
    assert clock.calls == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("durations", "steady"),
    [
        ([5, 1], 10),  # quick: as often as wanted
        ([5, 7], 3),  # slow: three times
        ([5, 30], 1),  # one call takes longer than all may
        ([100, 12], 3),
    ],
)
def test_slow_calls_are_made_less_often(durations, steady):
    assert len(run(durations)[0].steady) == steady


def test_numbers_are_median_and_quartiles_per_image():
    steady, first = Timing(8.0, (4.0, 2.0, 3.0, 10.0, 1.0)).numbers("encode", per=2, batch_size=2, note="noted")
    assert (steady.metric, first.metric) == ("encode_seconds", "encode_first_seconds")
    assert (steady.value, first.value) == (1.5, 4.0)
    assert (steady.interval.low, steady.interval.high) == tuple(np.percentile([0.5, 1, 1.5, 2, 5], (25, 75)))
    assert steady.interval.kind == "quartiles"
    assert (steady.n, first.n, steady.batch_size, first.batch_size, steady.note) == (5, 1, 2, 2, "noted")
    assert Timing(1.0, (2.0,)).numbers("encode")[0].interval is None


def test_the_device_is_waited_for_before_and_after_each_call(monkeypatch):
    order = []
    monkeypatch.setattr(timing, "synchronise", lambda device: order.append(device))
    time_calls(lambda number: order.append(number), repeats=1, seconds=1, device="cuda:1")
    assert order == ["cuda:1", 0, "cuda:1", "cuda:1", 1, "cuda:1"]


@pytest.mark.parametrize(("device", "waits"), [("cpu", []), ("cuda:1", ["cuda:1"]), ("mps", ["mps"])])
def test_each_device_is_waited_for_in_its_own_way(monkeypatch, device, waits):
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waited.append("mps"))
    synchronise(device)
    assert waited == waits


@pytest.mark.gpu
def test_a_gpu_has_done_its_work():
    a = torch.randn(8192, 8192, device="cuda")
    timed = time_calls(lambda _: a @ a, repeats=5, seconds=5, device="cuda")
    # 1.1 TFLOP take more than 5 ms on any GPU; giving the order takes microseconds.
    assert min(timed.steady) > 0.005
