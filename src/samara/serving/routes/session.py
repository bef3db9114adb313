"""What the server has: folder, checkpoints, formats, classes; recommendations; how it fares."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from samara._version import __version__
from samara.annotation.exporting import source_of
from samara.datasets.formats import WRITERS
from samara.recommendation.recommend import recommend
from samara.recommendation.request import Request as Wanted
from samara.serving.bodies import MAX_OBJECTS, ClassesBody
from samara.serving.metrics import Metrics
from samara.serving.shapes import Json, classes_shape, network_shape
from samara.serving.workplace import Workplace

Gigabytes = Annotated[float | None, Query(gt=0, le=1e6, allow_inf_nan=False)]
Text = Annotated[str, Query(max_length=100)]


class SessionRoutes:
    """`/session`, `/classes`, `/checkpoints`, `/recommend`, `/healthz` and `/metrics`.

    Args:
        workplace: what they work with.
        metrics: the counters.
    """

    def __init__(self, workplace: Workplace, metrics: Metrics) -> None:
        self._place, self._metrics = workplace, metrics

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(tags=["server"], default_response_class=JSONResponse)
        router.add_api_route("/session", self.session, methods=["GET"])
        router.add_api_route("/classes", self.classes, methods=["GET"])
        router.add_api_route("/classes", self.put_classes, methods=["PUT"])
        router.add_api_route("/checkpoints", self.checkpoints, methods=["GET"])
        router.add_api_route("/recommend", self.recommend, methods=["GET"])
        router.add_api_route("/healthz", self.health, methods=["GET"])
        router.add_api_route("/metrics", self.metrics, methods=["GET"])
        return router

    async def session(self) -> JSONResponse:
        """Tell what the page needs to begin."""
        store = self._place.editor.store
        return JSONResponse(
            {
                "folder": source_of(store).root.name,
                "store": store.folder.name,
                "images": len(self._place.editor.listing),
                "samara": __version__,
                "checkpoints": self._networks(),
                "formats": [{"name": one.name, "title": one.summary} for one in WRITERS.values()],
                "classes": classes_shape(self._place.classes.names),
                "limits": {"points": self._place.settings.max_prompts, "objects": MAX_OBJECTS},
            }
        )

    async def classes(self) -> JSONResponse:
        """List the classes, in order."""
        return JSONResponse({"classes": classes_shape(self._place.classes.names)})

    async def put_classes(self, body: ClassesBody) -> JSONResponse:
        """Replace the list of classes; objects keep theirs."""
        names = [one.name for one in body.classes]
        return JSONResponse({"classes": classes_shape(await self._place.writer.run(partial(self._put, names)))})

    async def checkpoints(self) -> JSONResponse:
        """List the checkpoints of this server."""
        return JSONResponse({"checkpoints": self._networks()})

    def recommend(
        self,
        task: Text = Wanted.task,
        domain: Text = Wanted.domain,
        ram: Gigabytes = None,
        vram: Gigabytes = None,
        commercial: bool = Wanted.commercial,
    ) -> JSONResponse:
        """Recommend checkpoints for this machine, or for one with other memory."""
        found = recommend(task=task, domain=domain, ram_gb=ram, vram_gb=vram, commercial=commercial)
        return JSONResponse(found.as_dict())

    async def health(self) -> JSONResponse:
        """Tell that the server is there."""
        return JSONResponse({"status": "ok"})

    async def metrics(self) -> Response:
        """Return counters in the format of Prometheus."""
        return self._metrics.response(self._place)

    def _networks(self) -> list[Json]:
        return [
            network_shape(network, is_default=not place) for place, network in enumerate(self._place.networks.values())
        ]

    def _put(self, names: list[str]) -> tuple[str, ...]:
        return self._place.classes.put(names)
