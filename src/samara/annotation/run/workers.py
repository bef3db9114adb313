"""Several processes on one machine, each with its own network; a process that dies is replaced.

The processes are independent: they claim shards of the store, like processes started by hand. One that dies (out of
memory, or a crash in a decoder) is replaced by a careful one, which annotates one image at a time; if that one dies
too, the image that killed it is known and quarantined.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field, fields, replace
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import torch

from samara.annotation.run.job import AnnotationJob
from samara.annotation.run.runner import Tally, annotate_store
from samara.annotation.run.spent import Spent
from samara.annotation.store.store import AnnotationStore, open_store
from samara.checkpoints.load_chosen import load_chosen
from samara.errors import AnnotationStopped, SamaraError

# Number of deaths before the first image after which a replacement would only die again.
MAX_EARLY_DEATHS = 2
# CUDA does not survive a fork.
START_METHOD = "spawn"
_LOOK_AGAIN_S = 0.2
# The counters of a process: images, masks, quarantined, microseconds in each stage, image at work.
_STAGES = len(fields(Spent))
_AT_WORK = 3 + _STAGES
_FIELDS = _AT_WORK + 1


@dataclass(frozen=True)
class Assignment:
    """What a worker process needs to know.

    Attributes:
        folder: folder of the store.
        job: what to do.
        index: number of the process.
        device: device of its network.
        threads: number of PyTorch threads.
        is_careful: whether to annotate one image at a time.
        poison: images to skip, with the reason.
    """

    folder: Path
    job: AnnotationJob
    index: int
    device: str
    threads: int
    is_careful: bool = False
    poison: dict[int, str] = field(default_factory=dict)


def run_workers(
    store: AnnotationStore, job: AnnotationJob, count: int, device: str, tell: Callable[[Tally], None] | None = None
) -> None:
    """Annotate a store with several processes.

    Args:
        store: store to fill.
        job: what to do.
        count: number of processes.
        device: where their networks run; "cuda" spreads them over all GPUs.
        tell: called with the progress since the last call.

    Raises:
        SamaraError: a process stopped with this error.
    """
    context = multiprocessing.get_context(START_METHOD)
    counters = context.Array("q", _FIELDS * count, lock=False)
    errors = context.SimpleQueue()
    threads = max(1, torch.get_num_threads() // count)
    workers = [
        _Worker(context, counters, errors, Assignment(store.folder, job, index, _device(device, index), threads))
        for index in range(count)
    ]
    done = [0] * _AT_WORK

    def tell_news() -> None:
        nonlocal done
        now = [sum(numbers) for numbers in zip(*(worker.progress() for worker in workers), strict=True)]
        if tell is not None and now != done:
            tell(_tally([a - b for a, b in zip(now, done, strict=True)]))
        done = now

    try:
        for worker in workers:
            worker.start()
        while any(worker.is_at_work for worker in workers):
            connection.wait([worker.process.sentinel for worker in workers if worker.is_at_work], _LOOK_AGAIN_S)
            for worker in workers:
                worker.look_after()
            tell_news()  # afterwards, to include the last progress of each process
            if not errors.empty():
                raise AnnotationStopped(errors.get())
    finally:
        for worker in workers:
            worker.stop()


def _numbers(progress: Tally) -> list[int]:
    """Return progress as whole numbers, which processes share."""
    microseconds = [round(1e6 * seconds) for seconds in astuple(progress.spent)]
    return [progress.images, progress.masks, progress.quarantined, *microseconds]


def _tally(numbers: Sequence[int]) -> Tally:
    """Return the progress of `_numbers`."""
    images, masks, quarantined, *microseconds = numbers
    return Tally(images, masks, quarantined, Spent(*(number / 1e6 for number in microseconds)))


def _device(device: str, index: int) -> str:
    if device == "cuda" and torch.cuda.device_count() > 1:
        return f"cuda:{index % torch.cuda.device_count()}"
    return device


class _Worker:
    """One slot among the workers, and its current process."""

    def __init__(self, context: Any, counters: Any, errors: Any, assignment: Assignment) -> None:
        self.context, self.counters, self.errors, self.assignment = context, counters, errors, assignment
        self.process: SpawnProcess
        self.is_at_work = False
        self.early_deaths = 0

    def start(self) -> None:
        self.counters[self._slot(_AT_WORK)] = 0
        self.process = self.context.Process(
            target=work_on, args=(self.assignment, self.counters, self.errors), daemon=True
        )
        self.process.start()
        self.is_at_work = True

    def progress(self) -> list[int]:
        return [self.counters[self._slot(index)] for index in range(_AT_WORK)]

    def look_after(self) -> None:
        """Check whether the process has ended, and replace one that was killed by a signal."""
        if not self.is_at_work or self.process.is_alive():
            return
        self.is_at_work = False
        if self.process.exitcode == 0:
            return
        if self.process.exitcode is not None and self.process.exitcode > 0:
            if self.errors.empty():
                raise AnnotationStopped(
                    f"a worker process ended with exit status {self.process.exitcode}; rerun with `resume=True` and "
                    "`workers=1` to see why"
                )
            return
        self._replace()

    def _replace(self) -> None:
        image_id = int(self.counters[self._slot(_AT_WORK)])
        killed_by = signal.Signals(-(self.process.exitcode or 0)).name
        if not image_id:
            self.early_deaths += 1
            if self.early_deaths > MAX_EARLY_DEATHS:
                raise AnnotationStopped(
                    f"worker processes are killed by {killed_by} before they start; check that memory suffices for "
                    f"`workers={len(self.counters) // _FIELDS}`"
                )
        elif self.assignment.is_careful:
            reason = f"two processes were killed by {killed_by} while annotating it"
            self.assignment = replace(self.assignment, poison={**self.assignment.poison, image_id: reason})
        self.assignment = replace(self.assignment, is_careful=True)
        self.start()

    def stop(self) -> None:
        if self.is_at_work:
            self.process.terminate()
            self.process.join()

    def _slot(self, index: int) -> int:
        return _FIELDS * self.assignment.index + index


def work_on(assignment: Assignment, counters: Any, errors: Any) -> None:
    """Run a worker process.

    Args:
        assignment: what to do.
        counters: counters shared with the parent; this process updates its own.
        errors: queue for the message of an error that ends the process.
    """
    _end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent receives it too, and stops the workers
    signal.signal(signal.SIGTERM, _leave)
    torch.set_num_threads(assignment.threads)
    first = _FIELDS * assignment.index

    def started(image_id: int) -> None:
        counters[first + _AT_WORK] = image_id

    def tell(progress: Tally) -> None:
        for index, number in enumerate(_numbers(progress)):
            counters[first + index] += number

    try:
        loaded = load_chosen(assignment.job.choice, assignment.device)
        work = assignment.job.work(
            loaded, is_careful=assignment.is_careful, poison=assignment.poison, started=started, tell=tell
        )
        annotate_store(open_store(assignment.folder), assignment.job.annotator(loaded), work)
    except SamaraError as error:
        errors.put(str(error))
        sys.exit(1)


def _leave(*_: object) -> None:
    raise SystemExit(1)  # unwinding writes the rows in memory


def _end_with_parent() -> None:
    """End this process when its parent ends, for any reason."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)  # the operating system releases the claims

    threading.Thread(target=watch, daemon=True).start()
