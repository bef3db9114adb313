"""Downloads of the annotations in every format."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from samara.annotation.exporting import export_store
from samara.datasets.formats import WRITERS
from samara.datasets.writing.category_choice import category_choice
from samara.serving.bodies import ExportBody
from samara.serving.refusals import not_found
from samara.serving.workplace import Workplace


class ExportRoutes:
    """`/export`.

    Args:
        workplace: what they work with.
    """

    def __init__(self, workplace: Workplace) -> None:
        self._place = workplace

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(tags=["export"])
        router.add_api_route("/export/{name}", self.download, methods=["GET"], response_class=FileResponse)
        router.add_api_route("/export", self.export, methods=["POST"], response_class=FileResponse)
        return router

    async def download(self, name: str) -> FileResponse:
        """Return all annotations in a format: its file, or a ZIP archive of its folder."""
        if name not in WRITERS:
            raise not_found(f"there is no format {name!r:.80}; use {', '.join(WRITERS)}")
        path, forget = await self._place.writer.run(partial(self._exported, name))
        return FileResponse(path, filename=path.name, background=BackgroundTask(forget))

    async def export(self, body: ExportBody) -> FileResponse:
        """Do the same as `GET /export/{name}`."""
        return await self.download(body.format)

    def _exported(self, name: str) -> tuple[Path, Callable[[], None]]:
        """Write the format into a temporary folder; return the file, and what removes the folder."""
        folder = Path(tempfile.mkdtemp(prefix="samara-export-"))
        forget = partial(shutil.rmtree, folder, ignore_errors=True)
        is_done = False
        try:
            names = self._place.classes.names
            categories = category_choice(names) if names else None
            export_store(self._place.editor.store, [name], folder, categories=categories, is_partial=True)
            target = folder / WRITERS[name].target
            if target.is_dir():
                target = Path(shutil.make_archive(str(folder / name), "zip", target))
            is_done = True
        finally:
            if not is_done:
                forget()
        return target, forget
