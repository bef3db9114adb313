"""A connection to Ray that leaves this process's terminal, environment and signal handlers unchanged.

What concerns the user is raised as an exception; Ray's other output (cluster security, location of the object store,
future changes) is for cluster operators and remains in Ray's own logs.
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

# Without these, Ray sends usage statistics and looks for a metrics agent that is not needed.
_SWITCHES = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_enable_metrics_collection": "0"}
_LOGGER = "ray"
_THREADS = "ray_"


def require_ray() -> None:
    """Raise MissingExtra unless Ray is installed."""
    require("ray", "ray", '`cluster="ray"`')


@contextmanager
def connected(address: str | None) -> Iterator[ModuleType]:
    """Connect to a Ray cluster; an existing connection of this program is reused and left open.

    Args:
        address: address of the cluster; None for the one this machine belongs to, or a local one otherwise.
    """
    quiet_stdout = redirect_stdout(_WithoutRay(sys.stdout))
    with _environment(), _quiet_logger(), quiet_stdout, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # announcements of future changes in Ray
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
    """A stream that drops output of Ray's own threads, e.g. that an actor was lost and restarted."""

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
    def encoding(self) -> str:  # type: ignore[override]  # text streams have one, unlike their base class
        return self._stream.encoding


@contextmanager
def _environment() -> Iterator[None]:
    """Set Ray's environment variables temporarily, unless the user has set them; restore those Ray sets."""
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
    """Let only errors through Ray's logger, temporarily."""
    logger = logging.getLogger(_LOGGER)
    before = logger.level
    logger.setLevel(max(before, logging.ERROR))
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _same_handler() -> Iterator[None]:
    """Keep this process's SIGTERM handler; Ray's own prints stack traces and exits."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
