"""A connection to Ray that leaves the terminal, the environment and the signals of this process as they were.

What concerns a user comes back as an exception; the rest of what Ray says (how it secures its cluster, where its object
store lies, what it will change some day) is for those who run clusters, and stands in Ray's own logs.
"""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from types import ModuleType
from typing import TextIO

from samara.system.extras import require

# Ray reports its use to its makers unless this says no, and tries to find a metrics agent that nobody asked for.
_SWITCHES = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_enable_metrics_collection": "0"}
_LOGGER = "ray"
_THREADS = "ray_"


def require_ray() -> None:
    """Raise MissingExtra unless Ray is installed."""
    require("ray", "ray", '`cluster="ray"`')


@contextmanager
def connected(address: str | None) -> Iterator[ModuleType]:
    """Ray, connected to a cluster; a connection that this program has made already is used, and left.

    Args:
        address: of the cluster; None for the one that this machine belongs to, or else one of this machine alone.
    """
    quiet_stdout = redirect_stdout(_WithoutRay(sys.stdout))
    with _environment(), _quiet_logger(), quiet_stdout, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # what Ray will change some day
        import ray

        if ray.is_initialized():
            yield ray
            return
        with _same_handler():
            ray.init(address=address, log_to_driver=False, configure_logging=False)
        try:
            yield ray
        finally:
            ray.shutdown()


class _WithoutRay(io.TextIOBase):
    """A stream that drops what Ray's own threads print: that an actor was lost, and is started again."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if threading.current_thread().name.startswith(_THREADS):
            return len(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # text streams have one, their base class says otherwise
        return self._stream.encoding


@contextmanager
def _environment() -> Iterator[None]:
    """Ray's switches for a while, as far as the user has not set them; what Ray sets itself goes as well."""
    before = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
    os.environ.update({name: value for name, value in _SWITCHES.items() if name not in before})
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("RAY_")]:
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _quiet_logger() -> Iterator[None]:
    """Only errors from Ray's logger, for a while."""
    logger = logging.getLogger(_LOGGER)
    before = logger.level
    logger.setLevel(max(before, logging.ERROR))
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _same_handler() -> Iterator[None]:
    """Keep what this process does at SIGTERM; Ray's own handler prints stacks and ends it."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
