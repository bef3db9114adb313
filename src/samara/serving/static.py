"""The files of the page, which come with the package."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, Request, Response

from samara.serving.palette import stylesheet
from samara.serving.refusals import not_found

INDEX, PALETTE = "index.html", "palette.css"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
}
"""Types of the files that are served; others are not."""


class Static:
    """`/` and `/page/...`.

    Args:
        folder: folder of the files.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): path
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in TYPES
        }

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/", self.index, methods=["GET"])
        router.add_api_route("/page/{name:path}", self.file, methods=["GET"])
        return router

    def index(self, request: Request) -> Response:
        """Return the page."""
        return self.file(request, INDEX)

    def file(self, request: Request, name: str) -> Response:
        """Return a file of the page; the browser asks each time whether it has changed."""
        data = self._data(name)
        tag = f'"{hashlib.sha256(data).hexdigest()[:24]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(data, media_type=TYPES[Path(name).suffix], headers=headers)

    def _data(self, name: str) -> bytes:
        if name == PALETTE:
            return stylesheet().encode()
        if name not in self._files:
            raise not_found(f"the page has no file {name!r:.80}")
        return self._files[name].read_bytes()
