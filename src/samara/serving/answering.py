"""Answers in time, and to clients that are still there."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any, TypeVar

from starlette.requests import Request

from samara.serving.refusals import Gone, busy

Result = TypeVar("Result")


async def awaited(request: Request, work: Coroutine[Any, Any, Result], timeout_s: float) -> Result:
    """Await some work, unless the client goes away or it takes too long; then the work is cancelled.

    Args:
        request: the request, whose body has been read.
        work: the work.
        timeout_s: most seconds.

    Raises:
        Gone: the client went away.
        Refused: it took too long.
    """
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_client_leaves(request))
    try:
        done, _ = await asyncio.wait({working, watching}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if working in done:
            return working.result()
        if watching in done:
            raise Gone("the client went away")
        raise busy(
            f"there was no answer within {timeout_s:g} s; ask for less, or later", HTTPStatus.SERVICE_UNAVAILABLE
        )
    finally:
        for task in (working, watching):
            task.cancel()


async def _client_leaves(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
