"""Counters for Prometheus."""

from __future__ import annotations

import time

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from samara.serving.workplace import Workplace

# From a click to a large image: 5 ms to a minute.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
OTHER = "other"


class Metrics:
    """The counters of one server, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "samara_requests", "Answers by route and status.", ["route", "status"], registry=self._registry
        )
        self.seconds = Histogram(
            "samara_seconds", "Seconds until the answer.", ["route"], buckets=_BUCKETS, registry=self._registry
        )
        self._waiting = Gauge("samara_waiting", "Requests that wait for their turn.", ["for"], registry=self._registry)

    def response(self, workplace: Workplace) -> Response:
        """Return all counters."""
        waiting = {"heavy": workplace.heavy, "reading": workplace.readers, "store": workplace.writer}
        waiting |= {f"clicks of {name}": network.click_turns for name, network in workplace.networks.items()}
        for name, turns in waiting.items():
            self._waiting.labels(name).set(turns.waiting)
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)


class Counted:
    """Middleware that counts answers.

    Args:
        app: the routes.
        metrics: the counters.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, status = time.perf_counter(), "none"

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            route = getattr(scope.get("route"), "path", OTHER)  # never the address itself: its values are unlimited
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - start)
