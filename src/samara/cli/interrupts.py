"""How a command ends when it is interrupted."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130
"""Exit status of an interrupted command, by shell convention."""


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Treat SIGTERM, which batch systems and containers send to end a process, like Ctrl-C."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
