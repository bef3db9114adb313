"""X-AnyLabeling's protocol of remote servers: marks become polygons, and without marks everything does.

Source: X-AnyLabeling, `services/auto_labeling/remote_server.py` (requests and replies).
"""

from __future__ import annotations

import threading
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from samara.datasets.writing.yolo import INSET
from samara.errors import PromptError
from samara.masks.bridges import one_polygon_of
from samara.masks.mask_set import MaskSet
from samara.segmentation.prompts import Prompt
from samara.serving.answering import awaited
from samara.serving.bodies import Name, Number
from samara.serving.decoding import bytes_of_base64
from samara.serving.networks import ServedNetwork
from samara.serving.shapes import Json
from samara.serving.workplace import Workplace

OBJECT = "AUTOLABEL_OBJECT"
"""X-AnyLabeling's own name for an object whose class a person is asked for."""

_MARKS = ("button_add_point", "button_remove_point", "button_add_rect", "button_clear", "button_finish_object")
_EVERYTHING = ("button_run", "edit_conf", "toggle_preserve_existing_annotations")


class Mark(BaseModel):
    """A point (x, y) or a rectangle (x0, y0, x1, y1) that a person has set."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["point", "rectangle"]
    data: list[Number] = Field(min_length=2, max_length=4)
    label: int | bool = 1


class Params(BaseModel):
    """Parameters of a prediction."""

    model_config = ConfigDict(extra="ignore")

    conf_threshold: Number = 0.0
    marks: list[Mark] = Field(default_factory=list)
    text_prompt: str | None = None


class XPredictBody(BaseModel):
    """`POST /v1/predict`."""

    model_config = ConfigDict(extra="ignore")

    model: Name
    image: str
    params: Params = Params()


class XAnyLabelingRoutes:
    """`/v1/models` and `/v1/predict`.

    Args:
        workplace: what they work with.
    """

    def __init__(self, workplace: Workplace) -> None:
        self._place = workplace

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/v1", tags=["X-AnyLabeling"], default_response_class=JSONResponse)
        router.add_api_route("/models", self.models, methods=["GET"])
        router.add_api_route("/predict", self.predict, methods=["POST"])
        return router

    async def models(self) -> JSONResponse:
        """List the checkpoints, with the buttons that X-AnyLabeling shows for each."""
        return JSONResponse({"data": {name: _model(network) for name, network in self._place.networks.items()}})

    async def predict(self, request: Request, body: XPredictBody) -> JSONResponse:
        """Return polygons for marks; without marks, of everything above the confidence that was chosen."""
        network, given_up = self._place.network(body.model), threading.Event()
        try:
            masks = await awaited(request, self._masks(network, body, given_up), self._place.settings.timeout_s)
        finally:
            given_up.set()
        data: Json = {"shapes": shapes_of(masks), "description": "", "replace": not body.params.marks}
        return JSONResponse({"data": data})

    async def _masks(self, network: ServedNetwork, body: XPredictBody, given_up: threading.Event) -> MaskSet:
        if body.params.text_prompt:
            raise PromptError("texts are not understood by any checkpoint here; set points or draw a rectangle")
        embedded = await self._place.embedded_bytes(network, bytes_of_base64(body.image))
        if body.params.marks:
            return (await network.answer(embedded, prompt_of(body.params.marks), "best")).masks
        masks = await network.everything(embedded, None, given_up, floor=1.0)
        return masks[masks.predicted_iou >= body.params.conf_threshold]


def prompt_of(marks: list[Mark]) -> Prompt:
    """Return the prompt that marks mean: all points, and the last rectangle.

    Raises:
        PromptError: a mark has too few or too many numbers.
    """
    points = [mark for mark in marks if mark.type == "point"]
    boxes = [mark for mark in marks if mark.type == "rectangle"]
    wrong = next((one for one in marks if len(one.data) != (2 if one.type == "point" else 4)), None)
    if wrong is not None:
        raise PromptError(f"a {wrong.type} has {len(wrong.data)} numbers; send 2 for a point, 4 for a rectangle")
    box = None
    if boxes:
        x0, y0, x1, y1 = boxes[-1].data
        box = [min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)]
    return Prompt([one.data for one in points] or None, [int(bool(one.label)) for one in points] or None, box)


def shapes_of(masks: MaskSet) -> list[Json]:
    """Return masks as polygons, one for each; empty ones have none."""
    return [
        {
            "label": masks.class_name(index) or OBJECT,
            "shape_type": "polygon",
            "points": [*polygon, polygon[0]],  # the first corner again closes a shape there
            "score": score,
        }
        for index, (rle, score) in enumerate(zip(masks.rles, masks.predicted_iou.tolist(), strict=True))
        if (polygon := one_polygon_of(rle, INSET).tolist())
    ]


def _model(network: ServedNetwork) -> dict[str, Any]:  # Any: JSON
    able = network.loaded.variant.capabilities
    names = (*(_MARKS if able.points or able.boxes else ()), *(_EVERYTHING if able.everything else ()))
    values = {"edit_conf": network.loaded.pred_iou_thresh, "toggle_preserve_existing_annotations": False}
    return {
        "display_name": f"samara {network.loaded.name}",
        "widgets": [{"name": name, "value": values.get(name)} for name in names],
        "batch_processing_mode": "default" if able.everything else None,
    }
