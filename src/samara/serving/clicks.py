"""Prompts of many requests, answered together by one pass of the network."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from samara.errors import SamaraError
from samara.masks.mask_set import MaskSet
from samara.segmentation.prompts import Prompt
from samara.segmentation.segmenter import PROMPTS_AT_A_TIME, Segmenter
from samara.serving.turns import Turns

Asked = tuple[Any, Prompt]
"""An embedded image, as the segmenter sees it, and a prompt on it."""


@dataclass
class _Batch:
    """Prompts that are answered together; it grows until it is its turn.

    Attributes:
        asked: the prompts.
        answers: task that answers them, in order.
    """

    asked: list[Asked] = field(default_factory=list)
    answers: asyncio.Task[list[MaskSet | SamaraError]] | None = None


class Clicks:
    """Answers of one segmenter to the prompts of many requests. Its methods are called in the event loop alone.

    While the network answers some prompts, those that arrive are gathered, and answered together next.

    Args:
        segmenter: the segmenter.
        turns: the thread in which it answers.
    """

    def __init__(self, segmenter: Segmenter[Any], turns: Turns) -> None:
        self._segmenter, self._turns = segmenter, turns
        self._gathering: dict[bool, _Batch] = {}  # by `multimask`

    async def answer(self, seen: Any, prompt: Prompt, *, multimask: bool) -> MaskSet:  # Any: see `Asked`
        """Answer a prompt; see `Segmenter.answer`.

        Raises:
            PromptError: the prompt is outside the image, or the checkpoint does not take it.
            Refused: too many requests are waiting.
        """
        batch = self._gathering.get(multimask)
        if batch is None or len(batch.asked) >= PROMPTS_AT_A_TIME:
            batch = self._gathering[multimask] = _Batch()
            batch.answers = asyncio.create_task(self._answers(batch, multimask))
            batch.answers.add_done_callback(_seen)
        assert batch.answers is not None, "just made"
        place = len(batch.asked)
        batch.asked.append((seen, prompt))
        answer = (await asyncio.shield(batch.answers))[place]
        if isinstance(answer, SamaraError):
            raise answer
        return answer

    async def _answers(self, batch: _Batch, multimask: bool) -> list[MaskSet | SamaraError]:
        async with self._turns.turn():
            if self._gathering.get(multimask) is batch:
                del self._gathering[multimask]
            return await self._turns.now(lambda: self._together(batch.asked, multimask))

    def _together(self, asked: list[Asked], multimask: bool) -> list[MaskSet | SamaraError]:
        try:
            return [
                *self._segmenter.answer_several(
                    [seen for seen, _ in asked], [[prompt] for _, prompt in asked], multimask=multimask
                )
            ]
        except SamaraError as error:
            if len(asked) == 1:
                return [error]
        # One of them is refused; which one is found out by asking each alone.
        return [answer for one in asked for answer in self._together([one], multimask)]


def _seen(answers: asyncio.Task[Any]) -> None:
    """Take note of an error that nobody waits for any more."""
    if not answers.cancelled():
        answers.exception()
