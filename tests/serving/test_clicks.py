"""Clicks of many requests share a pass; one that is refused does not spoil the others."""

from __future__ import annotations

import asyncio
import threading

import pytest

from samara.errors import PromptError
from samara.segmentation.prompts import Prompt
from samara.serving.clicks import Clicks
from samara.serving.turns import Turns


class Recording:
    """A segmenter whose answer is the image and the prompt; it waits for its gate, and dislikes x = 13."""

    def __init__(self):
        self.passes, self.gate = [], threading.Event()

    def answer_several(self, seen, prompts, *, multimask):
        self.gate.wait()
        points = [int(prompt.points_xy[0, 0]) for (prompt,) in prompts]
        self.passes.append((points, multimask))
        if 13 in points:
            raise PromptError("unlucky")
        return [(one, point, multimask) for one, point in zip(seen, points, strict=True)]


async def clicked(segmenter, *clicks):
    answering = Clicks(segmenter, Turns("test", max_waiting=9))
    tasks = []
    for seen, x, multimask in clicks:
        tasks.append(asyncio.create_task(answering.answer(seen, Prompt([x, 1]), multimask=multimask)))
        if len(tasks) == 1:  # the first is being answered when the others arrive
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)
    segmenter.gate.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_those_that_wait_are_answered_together():
    segmenter = Recording()
    clicks = [("a", 1, True), ("b", 2, True), ("a", 3, False), ("c", 4, True)]
    assert asyncio.run(clicked(segmenter, *clicks)) == clicks
    assert segmenter.passes == [([1], True), ([2, 4], True), ([3], False)]


def test_a_refused_one_does_not_spoil_the_others():
    clicks = [("a", 1, True), ("b", 2, True), ("a", 13, True), ("c", 4, True)]
    answers = asyncio.run(clicked(Recording(), *clicks))
    assert isinstance(answers.pop(2), PromptError)
    assert answers == [clicks[0], clicks[1], clicks[3]]


def test_a_client_that_leaves_does_not_take_the_others_with_it():
    async def main():
        segmenter = Recording()
        answering = Clicks(segmenter, Turns("test", max_waiting=9))
        tasks = [asyncio.create_task(answering.answer("a", Prompt([x, 1]), multimask=True)) for x in (1, 2)]
        await asyncio.sleep(0.01)
        tasks[0].cancel()
        segmenter.gate.set()
        return await tasks[1]

    assert asyncio.run(main()) == ("a", 2, True)


def test_bugs_are_not_taken_for_refusals():
    class Broken:
        def answer_several(self, *given, **named):
            raise ZeroDivisionError

    async def main():
        await Clicks(Broken(), Turns("test", max_waiting=1)).answer("a", Prompt([1, 1]), multimask=True)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())
