"""Parallel work on independent pieces, one per core.

PyTorch splits each operation over all cores. The operations here are small, so the splitting would dominate;
independent pieces on one core each avoid it.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def map_on_cores(function: Callable[[Piece], Result], pieces: Iterable[Piece]) -> list[Result]:
    """Call a function on every piece, in as many threads as PyTorch may use, each with one core.

    PyTorch's thread-local state, such as inference mode and autocast, does not reach the function, which must set its
    own.

    Args:
        function: safe to call from several threads at once.
        pieces: independent of each other.

    Returns:
        The results, in the order of the pieces. The first error of a piece is raised.
    """
    pieces = list(pieces)
    cores = torch.get_num_threads()
    if cores == 1 or len(pieces) < 2:
        return [function(piece) for piece in pieces]
    try:
        with ThreadPoolExecutor(min(cores, len(pieces)), initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(function, pieces))
    finally:
        # The linear algebra library's thread count is per process.
        torch.set_num_threads(cores)


def one_ahead(function: Callable[[Piece], Result], pieces: Iterable[Piece]) -> Generator[Result, None, None]:
    """Yield the result of a function for every piece, in order, computing the next one in a thread of its own.

    Close the iterator to stop the thread. An error of the function is raised in its turn.

    Args:
        function: called for one piece at a time.
        pieces: taken one ahead of the results.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="samara-ahead") as pool:
        upcoming: Future[Result] | None = None
        for piece in pieces:
            ready, upcoming = upcoming, pool.submit(function, piece)
            if ready is not None:
                yield ready.result()
        if upcoming is not None:
            yield upcoming.result()


@functools.cache
def survive_forks() -> None:
    """Make sure that processes forked from this one can compute.

    PyTorch's threads do not survive a fork, and the first multi-threaded operation there waits for them forever. So a
    fork starts with one thread. (OpenCV handles this itself; setting its thread count in a fork hangs.) Called only
    when a network is loaded, so that importing samara does not change forks.
    """
    if hasattr(os, "register_at_fork"):  # other systems have no fork
        os.register_at_fork(after_in_child=functools.partial(torch.set_num_threads, 1))
