"""Work on a GPU that is recorded once and replayed: hundreds of small kernels without the host that starts each.

A recording is bound to shapes, and to the memory of its inputs and results. So inputs are copied into that memory
before a replay, and results are valid until the next piece of work; whoever asks for work holds a lock meanwhile.
Without a recorder, and where there is no memory for a recording, work runs as it is.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from samara.engines.tensor_trees import description_of, tensors_of, with_tensors

Result = TypeVar("Result")

RECORDED_FROM = 2
"""The how manyth time the same work is recorded: the first may be the only one."""

MOST_RECORDINGS = 8
"""Recordings kept; the least recently used goes first, because each holds the memory of its inputs and results."""


class Recorder(Protocol):
    """Records work."""

    def record(self, work: Callable[[], Result]) -> tuple[Callable[[], None], Result]:
        """Record work that reads and writes the same memory each time; the result is filled by each replay."""
        ...


class CudaGraphRecorder:
    """Records work as CUDA graphs, which share the memory of what is temporary."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.pool = torch.cuda.graph_pool_handle()

    def record(self, work: Callable[[], Result]) -> tuple[Callable[[], None], Result]:
        """See `Recorder`."""
        stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(stream):
            work()  # libraries allocate their workspaces of a stream in the first call
        torch.cuda.current_stream(self.device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        # Other threads may go on allocating meanwhile.
        with torch.cuda.graph(graph, pool=self.pool, stream=stream, capture_error_mode="thread_local"):
            result = work()
        return graph.replay, result


def recorder_for(device: torch.device) -> Recorder | None:
    """Return what records work on a device; None if nothing does."""
    return CudaGraphRecorder(device) if device.type == "cuda" else None


@dataclass
class _Recording:
    """Recorded work: its input memory, what was last copied there, and its result."""

    memory: list[Tensor]
    sources: list[Tensor]
    replay: Callable[[], None]
    result: Any  # of the work

    def fill(self, tensors: list[Tensor]) -> None:
        """Copy inputs that are not there yet. They are not written to, so the same tensor has the same values."""
        for memory, source, before in zip(self.memory, tensors, self.sources, strict=True):
            if source is not before:
                memory.copy_(source, non_blocking=True)
        self.sources = tensors


class Recordings:
    """The recordings of one network's work.

    Args:
        recorder: None to run all work as it is.
    """

    def __init__(self, recorder: Recorder | None) -> None:
        self.recorder = recorder
        self._lock = threading.Lock()
        self._seen: OrderedDict[Hashable, int] = OrderedDict()
        self._made: OrderedDict[Hashable, _Recording | None] = OrderedDict()

    @contextmanager
    def result(self, key: Hashable, work: Callable[..., Result], *inputs: object) -> Iterator[Result]:
        """Run work on inputs, from a recording if there is one; the result is valid within the block.

        Args:
            key: whatever the work depends on besides its inputs.
            work: reads nothing but its inputs and the weights, and waits for nothing.
            inputs: tensors, or dataclasses and tuples of them; never written to.
        """
        if self.recorder is None:
            yield work(*inputs)
            return
        with self._lock:
            whole = key, description_of(inputs)
            recording = self._recording(whole, work, inputs)
            if recording is None:
                yield work(*inputs)
                return
            recording.fill(list(tensors_of(inputs)))
            recording.replay()
            yield recording.result

    def _recording(self, whole: Hashable, work: Callable[..., Result], inputs: tuple[object, ...]) -> _Recording | None:
        if whole not in self._made:
            self._seen[whole] = self._seen.pop(whole, 0) + 1
            if self._seen[whole] < RECORDED_FROM:
                _drop_oldest(self._seen, 8 * MOST_RECORDINGS)
                return None
            self._made[whole] = self._record(work, inputs)
            _drop_oldest(self._made, MOST_RECORDINGS)
        self._made.move_to_end(whole)
        return self._made[whole]

    def _record(self, work: Callable[..., Result], inputs: tuple[object, ...]) -> _Recording | None:
        """Record work; None if there is no memory for it."""
        assert self.recorder is not None, "checked by `result`"
        sources = list(tensors_of(inputs))
        try:
            memory = [source.clone() for source in sources]
            own = with_tensors(inputs, iter(memory))
            replay, result = self.recorder.record(lambda: work(*own))
        except torch.OutOfMemoryError:
            return None
        return _Recording(memory, sources, replay, result)


def _drop_oldest(entries: OrderedDict[Hashable, Any], most: int) -> None:
    while len(entries) > most:
        entries.popitem(last=False)
