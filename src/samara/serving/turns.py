"""Threads in which requests take turns: few at a time, the urgent first, and not too many in line."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import TypeVar

from samara.serving.refusals import busy

Result = TypeVar("Result")


class Urgency(IntEnum):
    """What comes first."""

    NOW = 0
    LATER = 1
    WHEN_IDLE = 2


class Turns:
    """Threads in which requests take turns. Its methods are called in the event loop alone.

    A request that is cancelled while it waits takes no turn; one that is cancelled in its turn leaves it, and what
    runs in the thread ends by itself.

    Args:
        name: name of the threads.
        threads: how many work at a time.
        max_waiting: refuse more waiting requests, of those that are not `WHEN_IDLE`.
    """

    def __init__(self, name: str, *, threads: int = 1, max_waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._free, self._max_waiting = threads, max_waiting
        self._waiting: list[tuple[Urgency, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    async def run(self, function: Callable[[], Result], urgency: Urgency = Urgency.NOW) -> Result:
        """Call a function in a thread, when it is its turn.

        Raises:
            Refused: too many requests are waiting.
        """
        async with self.turn(urgency):
            return await self.now(function)

    @asynccontextmanager
    async def turn(self, urgency: Urgency = Urgency.NOW) -> AsyncIterator[None]:
        """Wait for a turn and hold it for the block; see `run`."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(urgency)
        try:
            yield
        finally:
            self._pass_on()

    def now(self, function: Callable[[], Result]) -> asyncio.Future[Result]:
        """Call a function in a thread during a turn."""
        return asyncio.get_running_loop().run_in_executor(self._pool, function)

    @property
    def waiting(self) -> int:
        """Number of requests that wait."""
        return sum(not future.done() for _, _, future in self._waiting)

    def close(self) -> None:
        """End the threads after their present work."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _wait(self, urgency: Urgency) -> None:
        urgent = sum(not future.done() for kind, _, future in self._waiting if kind is not Urgency.WHEN_IDLE)
        if urgency is not Urgency.WHEN_IDLE and urgent >= self._max_waiting:
            raise busy(f"{urgent} requests of this kind are waiting; ask again in a second")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (urgency, next(self._count), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had got its turn
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Give a turn to the next one in line."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
