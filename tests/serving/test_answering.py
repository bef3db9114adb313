"""Answers in time, to clients that are there."""

from __future__ import annotations

import asyncio

import pytest

from samara.serving.answering import awaited
from samara.serving.refusals import Gone, Refused


class Asking:
    """A request whose client leaves after some seconds."""

    def __init__(self, seconds):
        self.seconds = seconds

    async def receive(self):
        await asyncio.sleep(self.seconds)
        return {"type": "http.disconnect"}


async def work(log, seconds):
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        log.append("cancelled")
        raise
    return "done"


def ask(stays_s, takes_s, timeout_s):
    log = []

    async def main():
        return await awaited(Asking(stays_s), work(log, takes_s), timeout_s)

    try:
        return asyncio.run(main()), log
    except (Gone, Refused) as error:
        return error, log


def test_an_answer_in_time():
    assert ask(9, 0, 9) == ("done", [])


def test_a_client_that_leaves_ends_the_work():
    error, log = ask(0.01, 9, 9)
    assert isinstance(error, Gone)
    assert log == ["cancelled"]


def test_work_that_takes_too_long_ends():
    error, log = ask(9, 9, 0.01)
    assert error.status == 503
    assert log == ["cancelled"]


def test_errors_of_the_work_are_raised():
    async def broken():
        raise ZeroDivisionError

    async def main():
        await awaited(Asking(9), broken(), 9)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())
