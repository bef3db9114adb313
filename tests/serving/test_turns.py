"""Turns: few at a time, the urgent first, not too many in line; whoever leaves takes no turn."""

from __future__ import annotations

import asyncio
import threading

import pytest

from samara.serving.refusals import Refused
from samara.serving.turns import Turns, Urgency


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


def test_the_urgent_go_first():
    async def main():
        turns, order, gate = Turns("test", max_waiting=9), [], threading.Event()
        first = asyncio.create_task(turns.run(gate.wait))
        await settled()
        kinds = [Urgency.WHEN_IDLE, Urgency.LATER, Urgency.NOW, Urgency.NOW, Urgency.LATER]
        tasks = [
            asyncio.create_task(turns.run(lambda place=place: order.append(place), kind))
            for place, kind in enumerate(kinds)
        ]
        await settled()
        assert turns.waiting == 5
        gate.set()
        await asyncio.gather(first, *tasks)
        turns.close()
        return order, turns.waiting

    assert asyncio.run(main()) == ([2, 3, 1, 4, 0], 0)


def test_only_so_many_work_and_wait():
    async def main():
        turns, gate, most, now = Turns("test", threads=2, max_waiting=1), threading.Event(), 0, 0
        lock = threading.Lock()

        def work():
            nonlocal most, now
            with lock:
                now += 1
                most = max(most, now)
            gate.wait()
            with lock:
                now -= 1

        tasks = [asyncio.create_task(turns.run(work)) for _ in range(3)]
        await settled()
        with pytest.raises(Refused, match="1 requests of this kind are waiting") as told:
            await turns.run(work)
        idle = asyncio.create_task(turns.run(work, Urgency.WHEN_IDLE))  # these wait as long as they like
        await settled()
        gate.set()
        await asyncio.gather(*tasks, idle)
        return most, told.value.status, told.value.headers

    assert asyncio.run(main()) == (2, 429, {"Retry-After": "1"})


def test_who_leaves_takes_no_turn():
    async def main():
        turns, gate, done = Turns("test", max_waiting=2), threading.Event(), []
        first = asyncio.create_task(turns.run(gate.wait))
        await settled()
        leaving, staying = (asyncio.create_task(turns.run(lambda name=name: done.append(name))) for name in "ab")
        await settled()
        leaving.cancel()
        await settled()
        last = asyncio.create_task(turns.run(lambda: done.append("c")))  # there is room again
        await settled()
        first.cancel()
        gate.set()
        await asyncio.gather(staying, last)
        return done

    assert asyncio.run(main()) == ["b", "c"]


def test_a_turn_that_was_given_to_somebody_who_leaves_is_passed_on():
    async def main():
        turns, done = Turns("test", max_waiting=2), []
        async with turns.turn():
            tasks = [asyncio.create_task(turns.run(lambda name=name: done.append(name))) for name in "ab"]
            await settled()
        tasks[0].cancel()  # it has its turn, and has not begun
        await asyncio.wait(tasks)
        await turns.run(lambda: done.append("c"))
        return done

    assert asyncio.run(main()) == ["b", "c"]


def test_errors_are_those_of_the_function():
    async def main():
        turns = Turns("test", max_waiting=1)
        with pytest.raises(ZeroDivisionError):
            await turns.run(lambda: 1 // 0)
        return await turns.run(lambda: 3)

    assert asyncio.run(main()) == 3
