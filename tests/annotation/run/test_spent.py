"""Where time goes: added up by stage, over threads, without what nobody waited for."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from samara.annotation.run import spent
from samara.annotation.run.spent import Clock, Spent


@pytest.fixture
def now(monkeypatch):
    """A moment that stands still until it is moved."""
    moment = [100.0]
    monkeypatch.setattr(spent.time, "perf_counter", lambda: moment[0])
    return moment


def test_stages_add_up_and_are_taken_once(now):
    clock = Clock()
    for stage, seconds in (("encoding", 2), ("masks", 3), ("encoding", 5)):
        with clock.on(stage):
            now[0] += seconds
    with suppress(KeyError), clock.on("writing"):
        now[0] += 1
        raise KeyError  # time counts, whatever came of it
    assert clock.taken() == Spent(encoding=7, masks=3, writing=1)
    assert clock.taken() == Spent()
    assert Spent(1, 2, 3, 4) + Spent(1, 1, 1, 1) == Spent(2, 3, 4, 5)


def test_only_time_in_which_nobody_works_is_waiting(now):
    clock = Clock()
    asked = time.perf_counter()
    with clock.working():
        now[0] += 4
        clock.waited(asked)  # an image came, and a thread was at work all the time
    now[0] += 3
    clock.waited(asked)
    assert clock.taken() == Spent(waiting=3)  # since that thread was done
    now[0] += 1
    clock.waited(time.perf_counter() - 1)
    assert clock.taken() == Spent(waiting=1)


def test_threads_share_a_clock(now):
    clock, both = Clock(), threading.Barrier(2, timeout=30)

    def work():
        with clock.on("masks"):
            both.wait()
            with clock._lock:
                now[0] += 1
            both.wait()

    threads = [threading.Thread(target=work) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert clock.taken() == Spent(masks=4)  # two seconds passed, for each


def test_a_gpu_is_waited_for_when_it_has_worked(monkeypatch):
    waited = []
    monkeypatch.setattr(spent.torch.cuda, "synchronize", waited.append)
    clock = Clock("cuda:1")
    for stage in ("encoding", "masks", "writing"):
        with clock.on(stage):
            pass
    assert waited == ["cuda:1", "cuda:1"]
