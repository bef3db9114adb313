"""Embedding images and answering prompts on them: for the page, and for other programs."""

from __future__ import annotations

import threading
import time
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Discriminator, Field, Tag

from samara.errors import PromptError
from samara.segmentation.prompts import Prompt
from samara.serving.answering import awaited
from samara.serving.backends.label_studio import LabelStudioRoutes, TasksBody
from samara.serving.bodies import EmbedBody, EverythingBody, PredictBody
from samara.serving.networks import Embedded, ServedNetwork
from samara.serving.shapes import Json, answers_shape, masks_shape
from samara.serving.turns import Urgency
from samara.serving.workplace import Workplace

Result = TypeVar("Result")
CheckpointName = Annotated[str | None, Field(max_length=200)]


TASKS, PROMPT = "tasks", "prompt"


def _kind_of(body: Any) -> str:  # Any: JSON
    return TASKS if isinstance(body, dict) and TASKS in body else PROMPT


PredictOrTasks = Annotated[
    Annotated[PredictBody, Tag(PROMPT)] | Annotated[TasksBody, Tag(TASKS)], Discriminator(_kind_of)
]


class AskingRoutes:
    """`/embed`, `/predict` and `/everything`.

    Args:
        workplace: what they work with.
        label_studio: what answers its tasks, which it sends to `/predict` too.
    """

    def __init__(self, workplace: Workplace, label_studio: LabelStudioRoutes) -> None:
        self._place, self._label_studio = workplace, label_studio

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(tags=["segmentation"], default_response_class=JSONResponse)
        router.add_api_route("/embed", self.embed, methods=["POST"])
        router.add_api_route("/embed/file", self.embed_file, methods=["POST"], openapi_extra=_FILE)
        router.add_api_route("/predict", self.predict, methods=["POST"])
        router.add_api_route("/everything", self.everything, methods=["POST"])
        return router

    async def embed(self, request: Request, body: EmbedBody) -> JSONResponse:
        """Embed an image; nothing is computed if that was done before."""
        start = time.perf_counter()
        network = self._place.network(body.checkpoint)
        urgency = Urgency.WHEN_IDLE if body.prefetch else Urgency.NOW
        embedded = await self._in_time(request, self._place.embedded(network, body, urgency))
        return JSONResponse(_embedding_shape(network, embedded, start))

    async def embed_file(self, request: Request, checkpoint: CheckpointName = None) -> JSONResponse:
        """Embed an image whose encoded bytes are the body of the request."""
        start = time.perf_counter()
        network = self._place.network(checkpoint)
        data = await request.body()
        embedded = await self._in_time(request, self._place.embedded_bytes(network, data))
        return JSONResponse(_embedding_shape(network, embedded, start))

    async def predict(self, request: Request, body: PredictOrTasks) -> JSONResponse:
        """Answer a prompt on an image; or the tasks of Label Studio."""
        if isinstance(body, TasksBody):
            return await self._label_studio.predict(request, body)
        start = time.perf_counter()
        network = self._place.network(body.checkpoint)
        answers = await self._in_time(request, self._predicted(network, body))
        facts = {"checkpoint": network.loaded.name, "milliseconds": round(1000 * (time.perf_counter() - start), 1)}
        return JSONResponse({**facts, "answers": answers})

    async def everything(self, request: Request, body: EverythingBody) -> JSONResponse:
        """Segment everything in an image, with low thresholds, so that the client can filter by its own."""
        start = time.perf_counter()
        network = self._place.network(body.checkpoint)
        given_up = threading.Event()
        try:
            masks = await self._in_time(request, self._everything(network, body, given_up))
        finally:
            given_up.set()
        facts = {"checkpoint": network.loaded.name, "seconds": round(time.perf_counter() - start, 3)}
        return JSONResponse({**facts, "proposals": masks})

    async def _predicted(self, network: ServedNetwork, body: PredictBody) -> list[Json]:
        _require_few(body, self._place.settings.max_prompts)
        embedded = await self._place.embedded(network, body)
        logits = None if body.previous is None else network.logits(embedded, body.previous)
        labels = body.labels if body.points or body.labels else None
        prompt = Prompt(body.points or None, labels, body.box, logits)
        return answers_shape(await network.answer(embedded, prompt, body.answers))

    async def _everything(self, network: ServedNetwork, body: EverythingBody, given_up: threading.Event) -> list[Json]:
        embedded = await self._place.embedded(network, body, Urgency.LATER)
        return masks_shape(await network.everything(embedded, body.points_per_side, given_up))

    async def _in_time(self, request: Request, work: Coroutine[Any, Any, Result]) -> Result:
        return await awaited(request, work, self._place.settings.timeout_s)


_FILE = {"requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}


def _require_few(body: PredictBody, most: int) -> None:
    count = len(body.points) + (body.box is not None)
    if count > most:
        raise PromptError(f"{count} points and boxes are too many for one object; give at most {most}")


def _embedding_shape(network: ServedNetwork, embedded: Embedded, start: float) -> Json:
    height, width = embedded.size_hw
    return {
        "embedding": embedded.key,
        "checkpoint": network.loaded.name,
        "width": width,
        "height": height,
        "seconds": round(time.perf_counter() - start, 3),
    }
