"""The web application: routes, the page's files, and one form for everything that goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from samara._version import __version__
from samara.errors import SamaraError
from samara.serving.backends.label_studio import LabelStudioRoutes
from samara.serving.backends.osam import OsamRoutes
from samara.serving.backends.x_anylabeling import XAnyLabelingRoutes
from samara.serving.guard import Guard, own_hosts
from samara.serving.metrics import Counted, Metrics
from samara.serving.refusals import Gone, body_of, headers_of, sendable, status_of
from samara.serving.routes.asking import PROMPT, TASKS, AskingRoutes
from samara.serving.routes.exporting import ExportRoutes
from samara.serving.routes.images import ImageRoutes
from samara.serving.routes.session import SessionRoutes
from samara.serving.static import Static
from samara.serving.workplace import Workplace

CLIENT_CLOSED = 499
"""Status of what nobody receives, as other servers log it."""


_NO_FIELDS = ("body", "query", "path", "header", PROMPT, TASKS)


def make_app(workplace: Workplace, token: str) -> FastAPI:
    """Build the application.

    Args:
        workplace: what the routes work with.
        token: token that requests must have.
    """
    settings, metrics = workplace.settings, Metrics()
    hosts = (*settings.allowed_hosts, *(own_hosts() if settings.is_exposed else ()))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        yield
        workplace.close()

    app = FastAPI(
        title="samara",
        version=__version__,
        docs_url=None,  # it would load scripts from another host
        redoc_url=None,
        lifespan=lifespan,
        middleware=[
            Middleware(Counted, metrics=metrics),
            Middleware(Guard, token=token, hosts=hosts, max_bytes=settings.max_upload_bytes),
        ],
    )
    label_studio = LabelStudioRoutes(workplace)
    for routes in (
        AskingRoutes(workplace, label_studio),
        label_studio,
        XAnyLabelingRoutes(workplace),
        OsamRoutes(workplace),
        ImageRoutes(workplace),
        SessionRoutes(workplace, metrics),
        ExportRoutes(workplace),
        Static(Path(__file__).parent / "page"),
    ):
        app.include_router(routes.router())
    _handle_errors(app)
    return app


def _handle_errors(app: FastAPI) -> None:
    app.add_exception_handler(SamaraError, _refused)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _failed)


async def _gone(request: Request, error: Exception) -> Response:
    """Answer a client that went away while it sent its request; nobody receives this."""
    del request, error
    return Response(status_code=CLIENT_CLOSED)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, SamaraError), "registered for these"
    if isinstance(error, Gone):
        return await _gone(request, error)
    return JSONResponse(body_of(error), int(status_of(error)), headers_of(error))


async def _invalid(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, RequestValidationError), "registered for these"
    found = error.errors()
    is_json = not any(one["type"] == "json_invalid" for one in found)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if is_json else HTTPStatus.BAD_REQUEST
    return JSONResponse({"error": sendable(_sentence(found))}, int(status))


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "registered for these"
    if isinstance(error.__cause__, SamaraError):
        return await _refused(request, error.__cause__)
    sentence = f"{request.method} {request.url.path[:200]}: {error.detail}"
    return JSONResponse({"error": sendable(sentence)}, error.status_code, error.headers)


def _sentence(errors: Sequence[dict[str, object]]) -> str:
    """Say what is wrong with the first of the wrong fields."""
    place = ".".join(str(part) for part in errors[0]["loc"] if part not in _NO_FIELDS)  # type: ignore[attr-defined]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{place or 'the request'}: {errors[0]['msg']}{more}"[:300]
