"""Label Studio's protocol of backends: smart keypoints and rectangles become brush strokes or polygons.

Source: label-studio-ml-backend, "Write your own ML backend" (routes, requests and replies).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from samara.datasets.writing.brush_rle import brush_rle
from samara.datasets.writing.label_studio import percents_of
from samara.errors import PromptError
from samara.masks.rle import Rle
from samara.segmentation.prompts import Prompt
from samara.serving.answering import awaited
from samara.serving.backends.label_config import LabelConfig, read_label_config
from samara.serving.backends.label_studio_images import LabelStudioImages
from samara.serving.networks import Embedded, ServedNetwork
from samara.serving.shapes import Json
from samara.serving.workplace import Workplace

MAX_TASKS = 1000
PREFIX = "/label-studio"
_KNOWN_EVENTS = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATION_DELETED", "START_TRAINING", "PROJECT_UPDATED")
_PERCENT = 100.0


class _Lenient(BaseModel):
    """What Label Studio sends; its newer versions send more."""

    model_config = ConfigDict(extra="ignore")


class SetupBody(_Lenient):
    """`POST /setup`."""

    project: str = ""
    label_schema: Annotated[str, Field(alias="schema")] = ""


class ContextBody(_Lenient):
    """What a person has drawn with smart tools."""

    result: list[dict[str, Any]] = Field(default_factory=list)


class ParamsBody(_Lenient):
    """Parameters of a prediction."""

    context: ContextBody | None = None


class TaskBody(_Lenient):
    """One task."""

    data: dict[str, Any]


class TasksBody(_Lenient):
    """`POST /predict`."""

    tasks: Annotated[list[TaskBody], Field(max_length=MAX_TASKS)]
    label_config: str = ""
    params: ParamsBody | None = None


class WebhookBody(_Lenient):
    """`POST /webhook`."""

    action: str = ""


@dataclass(frozen=True)
class Drawn:
    """What a person has drawn: a prompt and its label.

    Attributes:
        points: (x, y) in per cent of width and height.
        labels: 1 foreground, 0 background.
        box: (x0, y0, x1, y1) in per cent, or None.
        label: name of the label that was chosen, or None.
    """

    points: tuple[tuple[float, float], ...] = ()
    labels: tuple[int, ...] = ()
    box: tuple[float, float, float, float] | None = None
    label: str | None = None

    def prompt(self, size_hw: tuple[int, int]) -> Prompt:
        """Return the prompt on an image of a size, clipped to it.

        Raises:
            PromptError: nothing was drawn, or a box without area.
        """
        height, width = size_hw

        def x(value: float) -> float:
            return min(max(value, 0.0), _PERCENT) * width / _PERCENT

        def y(value: float) -> float:
            return min(max(value, 0.0), _PERCENT) * height / _PERCENT

        box = None if self.box is None else (x(self.box[0]), y(self.box[1]), x(self.box[2]), y(self.box[3]))
        points = [(min(x(one), width - 1), min(y(other), height - 1)) for one, other in self.points]
        return Prompt(points or None, list(self.labels) or None, box)


class LabelStudioRoutes:
    """`/health`, `/setup`, `/predict` and `/webhook`, below `PREFIX` and at the root, where `/predict` is REST's too.

    Args:
        workplace: what they work with.
    """

    def __init__(self, workplace: Workplace) -> None:
        settings = workplace.settings
        self._place = workplace
        address = settings.label_studio_url or os.environ.get("LABEL_STUDIO_URL") or None
        key = settings.label_studio_key or os.environ.get("LABEL_STUDIO_API_KEY") or None
        self._images = LabelStudioImages(address, key, settings.max_upload_bytes)

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(tags=["Label Studio"], default_response_class=JSONResponse)
        for prefix in ("", PREFIX):
            router.add_api_route(f"{prefix}/health", self.health, methods=["GET"])
            router.add_api_route(f"{prefix}/setup", self.setup, methods=["POST"])
            router.add_api_route(f"{prefix}/webhook", self.webhook, methods=["POST"])
        router.add_api_route(PREFIX, self.health, methods=["GET"])
        router.add_api_route(f"{PREFIX}/predict", self.predict, methods=["POST"])
        return router

    async def health(self) -> JSONResponse:
        """Tell that the backend is there."""
        return JSONResponse({"status": "UP", "model_class": self._version()})

    async def setup(self, body: SetupBody) -> JSONResponse:
        """Take note of a project; its labelling configuration must have a place for masks."""
        if body.label_schema:
            read_label_config(body.label_schema)
        return JSONResponse({"model_version": self._version()})

    async def webhook(self, body: WebhookBody) -> JSONResponse:
        """Answer an event; nothing is trained here."""
        if body.action not in _KNOWN_EVENTS:
            return JSONResponse({"status": "Unknown event"})
        return JSONResponse({"result": {}, "status": "ok"}, int(HTTPStatus.CREATED))

    async def predict(self, request: Request, body: TasksBody) -> JSONResponse:
        """Answer what a person has drawn on the image of each task; without that, propose everything."""
        results = await awaited(request, self._predicted(body), self._place.settings.timeout_s)
        return JSONResponse({"results": results, "model_version": self._version()})

    async def _predicted(self, body: TasksBody) -> list[Json]:
        config, network = read_label_config(body.label_config), self._place.network(None)
        context = body.params.context if body.params is not None else None
        drawn = None if context is None or not context.result else drawn_in(context.result)
        given_up = threading.Event()
        try:
            return [await self._of_task(network, config, task, drawn, given_up) for task in body.tasks]
        except asyncio.CancelledError:
            given_up.set()
            raise

    async def _of_task(
        self,
        network: ServedNetwork,
        config: LabelConfig,
        task: TaskBody,
        drawn: Drawn | None,
        given_up: threading.Event,
    ) -> Json:
        address = task.data.get(config.key)
        if not isinstance(address, str) or not address:
            raise PromptError(f"the task has no address of an image as {config.key!r:.80}; check the configuration")
        embedded = network.remembered((PREFIX, address))
        if embedded is None:
            data = await self._place.readers.run(partial(self._images.fetch, address))
            embedded = await self._place.embedded_bytes(network, data, name=(PREFIX, address))
        if drawn is None:
            regions = await self._everything(network, config, embedded, given_up)
        else:
            regions = await self._answered(network, config, embedded, drawn)
        scores = [region["score"] for region in regions]
        return {"result": regions, "score": min(scores, default=0.0), "model_version": self._version()}

    async def _answered(
        self, network: ServedNetwork, config: LabelConfig, embedded: Embedded, drawn: Drawn
    ) -> list[Json]:
        answer = await network.answer(embedded, drawn.prompt(embedded.size_hw), "best")
        label = config.label(drawn.label)
        scored = zip(answer.masks.rles, answer.masks.predicted_iou.tolist(), strict=True)
        return [region for rle, score in scored for region in regions_of(config, rle, label, score)]

    async def _everything(
        self, network: ServedNetwork, config: LabelConfig, embedded: Embedded, given_up: threading.Event
    ) -> list[Json]:
        """Propose what needs no person to name it: the classes of a detector, or all if there is a single label."""
        is_one = len(config.labels) == 1
        if not is_one and not network.loaded.variant.class_names:
            return []
        masks = await network.everything(embedded, None, given_up, floor=1.0)
        regions: list[Json] = []
        for index, (rle, score) in enumerate(zip(masks.rles, masks.predicted_iou.tolist(), strict=True)):
            label = config.labels[0] if is_one else masks.class_name(index)
            if label in config.labels:
                regions += regions_of(config, rle, label, score)
        return regions

    def _version(self) -> str:
        return self._place.network(None).loaded.name


def drawn_in(result: Sequence[Mapping[str, Any]]) -> Drawn:  # Any: JSON
    """Return what a person has drawn: all keypoints, and the last rectangle.

    Raises:
        PromptError: a region is damaged, or none is a keypoint or rectangle.
    """
    points: list[tuple[float, float]] = []
    labels: list[int] = []
    box, label = None, None
    for region in result:
        value = region.get("value")
        if not isinstance(value, Mapping):
            continue
        kind = region.get("type")
        if kind == "keypointlabels":
            points.append((_percent(value, "x"), _percent(value, "y")))
            labels.append(0 if region.get("is_positive") in (0, False) else 1)
        elif kind == "rectanglelabels":
            x, y = _percent(value, "x"), _percent(value, "y")
            box = x, y, x + _percent(value, "width"), y + _percent(value, "height")
        else:
            continue
        names = value.get(str(kind))
        label = names[0] if isinstance(names, list) and names else label
    if not points and box is None:
        raise PromptError("nothing was drawn with a smart keypoint or rectangle; draw one of these")
    return Drawn(tuple(points), tuple(labels), box, label if isinstance(label, str) else None)


def regions_of(config: LabelConfig, rle: Rle, label: str | None, score: float) -> list[Json]:
    """Return a mask as a region; nothing for an empty one."""
    if not rle.area:
        return []
    if config.kind == "brushlabels":
        value: Json = {"format": "rle", "rle": brush_rle(rle)}
    else:
        value = {"points": percents_of(rle).tolist(), "closed": True}
    return [
        {
            "id": secrets.token_hex(5),
            "from_name": config.from_name,
            "to_name": config.to_name,
            "type": config.kind,
            "original_width": rle.width,
            "original_height": rle.height,
            "image_rotation": 0,
            "score": score,
            "readonly": False,
            "value": value | {config.kind: [] if label is None else [label]},
        }
    ]


def _percent(value: Mapping[str, Any], side: str) -> float:  # Any: JSON
    number = value.get(side)
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not abs(number) <= 1e6:
        raise PromptError(f"a region has no {side!r} in per cent; send it as Label Studio does")
    return float(number)
