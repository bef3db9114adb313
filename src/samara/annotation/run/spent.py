"""Where the time of a run goes: waiting for images, the image encoder, masks, writing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import Literal

import torch

Stage = Literal["waiting", "encoding", "masks", "writing"]
"""A field of `Spent`."""


@dataclass(frozen=True)
class Spent:
    """Seconds spent in each stage, added up over threads and processes, so their sum may exceed the run's duration.

    Attributes:
        waiting: no thread had an image to work on, because none was read yet.
        encoding: copying to the device and running the image encoder. What is searched in tiles or crops is embedded
            piece by piece; that time counts as `masks`.
        masks: decoding, filtering, run lengths and cleaning.
        writing: writing pieces to disk, beside the other stages.
    """

    waiting: float = 0.0
    encoding: float = 0.0
    masks: float = 0.0
    writing: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        """Return the sum."""
        return Spent(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


class Clock:
    """Adds up the seconds of each stage; threads may share one.

    Args:
        device: a GPU to wait for at the end of each stage. Otherwise a stage ends when its work is queued there, and
            the time counts for the next stage that needs a result. None to wait for nothing.
    """

    def __init__(self, device: str | None = None) -> None:
        self.device = device
        self._lock = threading.Lock()
        self._spent = Spent()
        self._at_work, self._idle_since = 0, time.perf_counter()

    @contextmanager
    def on(self, stage: Stage) -> Iterator[None]:
        """Measure a stage."""
        start = time.perf_counter()
        try:
            yield
            if self.device is not None and stage in ("encoding", "masks"):
                torch.cuda.synchronize(self.device)
        finally:
            self._add(stage, time.perf_counter() - start)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Mark that a thread has images to work on."""
        with self._lock:
            self._at_work += 1
        try:
            yield
        finally:
            with self._lock:
                self._at_work -= 1
                self._idle_since = time.perf_counter()

    def waited(self, since: float) -> None:
        """Count the time since a moment of `time.perf_counter` as waiting, as far as no thread was at work."""
        with self._lock:
            is_idle, start = not self._at_work, max(since, self._idle_since)
        if is_idle:
            self._add("waiting", time.perf_counter() - start)

    def taken(self) -> Spent:
        """Return what was added since the last call."""
        with self._lock:
            spent, self._spent = self._spent, Spent()
        return spent

    def _add(self, stage: Stage, seconds: float) -> None:
        with self._lock:
            self._spent += Spent(**{stage: seconds})
