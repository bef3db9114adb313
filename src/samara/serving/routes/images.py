"""The images of the folder: their list, how they look, and their objects."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from samara.annotation.editing.editor import EditedImage
from samara.annotation.editing.listing import Order, State
from samara.serving.bodies import ObjectsBody
from samara.serving.shapes import image_shape, objects_shape
from samara.serving.workplace import Workplace

PIXELS_AT_ONCE, MOST_PIXELS = 4096, 8192

Offset = Annotated[int, Query(ge=0, le=1 << 40)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Longest = Annotated[int, Query(alias="max", ge=64, le=MOST_PIXELS)]
IfMatch = Annotated[str | None, Header(alias="If-Match")]

_KEPT_A_DAY = "private, max-age=86400"
_ASKED_AGAIN = "private, no-cache"


class ImageRoutes:
    """`/images` and what is below.

    Args:
        workplace: what they work with.
    """

    def __init__(self, workplace: Workplace) -> None:
        self._place = workplace

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(prefix="/images", tags=["images"], default_response_class=JSONResponse)
        router.add_api_route("", self.page, methods=["GET"])
        router.add_api_route("/{image}", self.image, methods=["GET"])
        router.add_api_route("/{image}/thumbnail", self.thumbnail, methods=["GET"])
        router.add_api_route("/{image}/pixels", self.pixels, methods=["GET"])
        router.add_api_route("/{image}/objects", self.objects, methods=["GET"])
        router.add_api_route("/{image}/objects", self.save, methods=["PUT"])
        return router

    async def page(
        self, order: Order = "name", state: State | None = None, offset: Offset = 0, limit: Limit = 200
    ) -> JSONResponse:
        """List images."""
        listing = self._place.editor.listing
        total, entries = await self._place.readers.run(partial(listing.page, order, state, offset, limit))
        shapes = await self._place.readers.run(
            lambda: [image_shape(self._place.folder.entry(one.image_id)) for one in entries]
        )
        return JSONResponse({"total": total, "images": shapes})

    async def image(self, image: int) -> JSONResponse:
        """Tell about one image."""
        return JSONResponse(image_shape(await self._place.readers.run(partial(self._place.folder.entry, image))))

    async def thumbnail(self, request: Request, image: int) -> Response:
        """Return a thumbnail as JPEG."""
        tag = (await self._place.readers.run(partial(self._place.folder.version, image))).tag
        if _is_known(request, tag):
            return _not_modified(tag, _KEPT_A_DAY)
        return _jpeg(await self._place.readers.run(partial(self._place.folder.thumbnail, image)), tag, _KEPT_A_DAY)

    async def pixels(self, request: Request, image: int, longest: Longest = PIXELS_AT_ONCE) -> Response:
        """Return an image for looking at: upright, 8 bits, as JPEG."""
        tag = (await self._place.readers.run(partial(self._place.folder.version, image))).tag
        if _is_known(request, tag):
            return _not_modified(tag, _ASKED_AGAIN)
        return _jpeg(await self._place.readers.run(partial(self._place.folder.jpeg, image, longest)), tag, _ASKED_AGAIN)

    async def objects(self, image: int) -> JSONResponse:
        """Return the objects of an image."""
        return JSONResponse(await self._place.writer.run(lambda: self._shape(image, self._place.editor.load(image))))

    async def save(self, image: int, body: ObjectsBody, if_match: IfMatch = None) -> JSONResponse:
        """Replace the objects of an image; they are on disk when the answer comes."""
        revision = None if if_match is None else if_match.strip().strip('"')
        shape = await self._place.writer.run(partial(self._saved, image, body, revision))
        return JSONResponse(shape)

    def _saved(self, image: int, body: ObjectsBody, revision: str | None) -> dict[str, str]:
        self._place.folder.entry(image)
        objects = [one.edited() for one in body.objects]
        saved = self._place.editor.save(image, objects, revision)
        self._place.classes.add(one.category for one in objects)
        return {"revision": saved.revision, "state": self._place.folder.entry(image).state}

    def _shape(self, image: int, edited: EditedImage) -> dict[str, object]:
        return objects_shape(edited, self._place.folder.entry(image))


def _is_known(request: Request, tag: str) -> bool:
    return tag in [one.strip() for one in request.headers.get("if-none-match", "").split(",")]


def _not_modified(tag: str, keeping: str) -> Response:
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag, "Cache-Control": keeping})


def _jpeg(data: bytes, tag: str, keeping: str) -> Response:
    return Response(data, media_type="image/jpeg", headers={"ETag": tag, "Cache-Control": keeping})
