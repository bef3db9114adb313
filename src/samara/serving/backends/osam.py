"""osam's protocol, which labelme speaks: one mask for points, or for a box given as two points.

Source: osam, `osam/types` (requests and replies).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from samara.errors import PromptError
from samara.images.encode import base64_text, grey_png
from samara.masks.mask_set import MaskSet
from samara.segmentation.prompts import Prompt
from samara.serving.answering import awaited
from samara.serving.bodies import Name, Point
from samara.serving.decoding import bytes_of_base64
from samara.serving.networks import Embedded, ServedNetwork
from samara.serving.shapes import Json
from samara.serving.workplace import Workplace

BACKGROUND, FOREGROUND, TOP_LEFT, BOTTOM_RIGHT = range(4)
IGNORED = -1
_WHITE = 255


class OsamPrompt(BaseModel):
    """Points with labels: -1 ignored, 0 background, 1 foreground, 2 and 3 the corners of a box."""

    model_config = ConfigDict(extra="ignore")

    points: list[Point] | None = None
    point_labels: list[Literal[-1, 0, 1, 2, 3]] | None = None
    texts: list[str] | None = None


class GenerateBody(BaseModel):
    """`POST /api/generate`."""

    model_config = ConfigDict(extra="ignore")

    model: Name
    image: str | None = None
    image_embedding: Any = None
    prompt: OsamPrompt | None = None


class OsamRoutes:
    """`/api/generate`.

    Args:
        workplace: what it works with.
    """

    def __init__(self, workplace: Workplace) -> None:
        self._place = workplace

    def router(self) -> APIRouter:
        """Return the route."""
        router = APIRouter(tags=["osam"], default_response_class=JSONResponse)
        router.add_api_route("/api/generate", self.generate, methods=["POST"])
        return router

    async def generate(self, request: Request, body: GenerateBody) -> JSONResponse:
        """Return the best mask for a prompt; without one, for the image's centre.

        Embeddings stay here, kept by content, so `image_embedding` of the answer is null and the image is sent again.
        """
        network = self._place.network(body.model if body.model in self._place.networks else None)
        annotations = await awaited(request, self._annotations(network, body), self._place.settings.timeout_s)
        return JSONResponse({"model": body.model, "image_embedding": None, "annotations": annotations})

    async def _annotations(self, network: ServedNetwork, body: GenerateBody) -> list[Json]:
        if body.image is None:
            raise PromptError("there is no image; send it as Base64 with every request, embeddings are kept here")
        embedded = await self._place.embedded_bytes(network, bytes_of_base64(body.image))
        answer = await network.answer(embedded, prompt_of(body.prompt, embedded), "best")
        return annotations_of(answer.masks)


def prompt_of(asked: OsamPrompt | None, embedded: Embedded) -> Prompt:
    """Return the prompt that is meant.

    Raises:
        PromptError: it is a text, a label is missing, or a box has one corner.
    """
    if asked is None:
        height, width = embedded.size_hw
        return Prompt([[width / 2, height / 2]])
    points, labels = asked.points or [], asked.point_labels or []
    if asked.texts is not None and not points:
        raise PromptError("texts are not understood by any checkpoint here; send points")
    if len(points) != len(labels):
        raise PromptError(f"there are {len(points)} points and {len(labels)} labels; send one label for each point")
    of_label: dict[int, list[Point]] = {}
    for point, label in zip(points, labels, strict=True):
        of_label.setdefault(label, []).append(point)
    corners = [*of_label.get(TOP_LEFT, ()), *of_label.get(BOTTOM_RIGHT, ())]
    if len(corners) not in (0, 2) or len(of_label.get(TOP_LEFT, ())) not in (0, 1):
        raise PromptError("a box is one point labelled 2 and one labelled 3; send both, once")
    clicks = [(point, label) for label in (FOREGROUND, BACKGROUND) for point in of_label.get(label, ())]
    box = [*corners[0], *corners[1]] if corners else None
    return Prompt([point for point, _ in clicks] or None, [label for _, label in clicks] or None, box)


def annotations_of(masks: MaskSet) -> list[Json]:
    """Return masks as grey PNGs of the whole image, 255 within the mask."""
    return [
        {
            "mask": base64_text(grey_png(rle.decode().view(np.uint8) * np.uint8(_WHITE), _WHITE)),
            "bounding_box": dict(zip(("xmin", "ymin", "xmax", "ymax"), rle.box_xyxy, strict=True)),
            "score": score,
            "text": masks.class_name(index),
        }
        for index, (rle, score) in enumerate(zip(masks.rles, masks.predicted_iou.tolist(), strict=True))
    ]
