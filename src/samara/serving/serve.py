"""`samara.serve`: a page to annotate images in, and a server for other programs."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from samara.annotation.editing.opening import open_editor
from samara.checkpoints.choice import Choice
from samara.checkpoints.load_chosen import loaded_from
from samara.engines.loaded import Loaded
from samara.errors import OutputError, SettingsError
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.segmentation.embedding_store import EmbeddingStore
from samara.serving.settings import ServeSettings
from samara.serving.tokens import kept_token
from samara.system.extras import require
from samara.system.progress import Progress

if TYPE_CHECKING:
    from fastapi import FastAPI

STOPPING_S = 5
"""Seconds that answers may still take once the server is told to stop."""

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class Serving:
    """A server that is about to listen.

    Attributes:
        app: the application.
        address: address of the page, with the token.
        store: folder of the annotation store.
        checkpoints: names of the checkpoints.
    """

    app: FastAPI
    address: str
    store: Path
    checkpoints: tuple[str, ...]


def serve(
    images: AnyPath | Sequence[AnyPath],
    *,
    out: AnyPath | None = None,
    checkpoints: Sequence[AnyPath | Loaded] = (Choice.checkpoint,),
    device: str = Choice.device,
    precision: str = Choice.precision,
    engine: str = Choice.engine,
    input_size: int | None = Choice.input_size,
    download: bool = Choice.download,
    classes: Sequence[str] = (),
    reading: ImageReading = AS_THEY_ARE,
    settings: ServeSettings | None = None,
    ready: Callable[[Serving], None] | None = None,
    progress: Progress | None = None,
) -> None:
    """Serve a page in which images are annotated, and the routes for other programs; returns when it is stopped.

    What is annotated is saved at once, into a store like that of `samara.annotate`.

    Args:
        images: see `samara.annotate`; a folder, files, a list, a tar archive. Links out of the folder are not followed.
        out: folder of the store; None for one beside the images, called like their folder with "-masks".
        checkpoints: catalogue names, files, or results of `samara.load`; the first is the default of the page.
        device: where the networks run, see `samara.load`, as for the next three.
        precision: what they compute in.
        engine: what runs them.
        input_size: side of their input; None for each checkpoint's own.
        download: fetch checkpoints that are missing.
        classes: names of classes to add, in the order of their numbers.
        reading: how the images are read.
        settings: where the server listens, and its limits.
        ready: called before it listens.
        progress: called during a download.

    Raises:
        SettingsError: there is no image, the store is of other images, or a setting is not accepted.
        OutputError: the store cannot be written, or the port is taken.
        CheckpointError, DeviceError: see `samara.load`.
        MissingExtra: the extra "serve" is not installed.
    """
    require("uvicorn", "serve", "the server")
    settings = settings or ServeSettings()
    chosen = dict(device=device, precision=precision, engine=engine, input_size=input_size, download=download)
    with contextlib.closing(listening(settings)) as listener:
        loaded = [loaded_from(one, progress, **chosen) for one in checkpoints]
        store = store_beside(images) if out is None else Path(out)
        token = settings.token or kept_token(store)
        app = make_server(images, store, loaded, settings, token=token, classes=classes, reading=reading)
        address = f"http://{_shown_host(settings.host)}:{listener.getsockname()[1]}/?token={token}"
        serving = Serving(app, address, store, tuple(one.name for one in loaded))
        if ready is not None:
            ready(serving)
        run(serving.app, listener)


def make_server(
    images: AnyPath | Sequence[AnyPath],
    store: AnyPath,
    loaded: Sequence[Loaded],
    settings: ServeSettings,
    *,
    token: str,
    classes: Sequence[str] = (),
    reading: ImageReading = AS_THEY_ARE,
) -> FastAPI:
    """Build the application of `serve`, for another server than uvicorn; see there for arguments and errors."""
    require("fastapi", "serve", "the server")
    require("prometheus_client", "serve", "the server")
    from samara.serving.app import make_app
    from samara.serving.workplace import Workplace

    if not loaded:
        raise SettingsError("there is no checkpoint to serve; give at least one")
    editor = open_editor(_names(images), Path(store), loaded[0], reading)
    folder = settings.embedding_cache or embedding_folder()
    embeddings = EmbeddingStore(folder, int(settings.embedding_cache_gb * 1e9))
    workplace = Workplace.of(editor, loaded, embeddings, settings)
    workplace.classes.add(classes)
    return make_app(workplace, token)


def embedding_folder() -> Path:
    """Return the folder of embeddings: below SAMARA_CACHE, or in the user's cache directory."""
    home = os.environ.get("SAMARA_CACHE", "").strip()
    return (Path(home).expanduser() if home else platformdirs.user_cache_path("samara")) / "embeddings"


def store_beside(images: AnyPath | Sequence[AnyPath]) -> Path:
    """Return the store of images for which nobody has named one."""
    names = _names(images)
    first = (
        Path(os.path.abspath(names[0])) if len(names) == 1 else Path(os.path.commonpath(list(map(_folder_of, names))))
    )
    return first.with_name(f"{first.name.partition('.')[0] if first.is_file() else first.name}-masks")


def listening(settings: ServeSettings) -> socket.socket:
    """Take the port before anything is loaded.

    Raises:
        OutputError: it is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Of a socket whose protocol is not stated, asyncio does not switch Nagle's delay off: 40 ms for every answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise OutputError(
            f"the server cannot listen at {settings.host}, port {settings.port}: {error.strerror or error}; choose "
            "another `port`, or 0 for any free one"
        ) from error
    return listener


def run(app: FastAPI, listener: socket.socket) -> None:
    """Answer requests until the process is told to stop."""
    import uvicorn

    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=5
    )
    uvicorn.Server(config).run(sockets=[listener])


def _shown_host(host: str) -> str:
    """Return how to reach the server from here."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _names(images: AnyPath | Sequence[AnyPath]) -> list[str]:
    return [os.fspath(images)] if isinstance(images, (str, os.PathLike)) else [os.fspath(one) for one in images]


def _folder_of(name: str) -> str:
    path = os.path.abspath(name)
    return path if os.path.isdir(path) else os.path.dirname(path)
