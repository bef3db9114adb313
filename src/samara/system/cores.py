"""The same work on many pieces, one piece on each core.

PyTorch shares each operation among all cores. The operations here are small, and much of their time would go into that
sharing; independent pieces, each on a core of its own, waste none.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def map_on_cores(function: Callable[[Piece], Result], pieces: Iterable[Piece]) -> list[Result]:
    """Call a function on every piece, in threads of as many as PyTorch may use, each with one.

    Thread-local state of PyTorch, inference mode and autocast among it, does not reach the function: it sets its own.

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
        # The linear algebra library counts its threads for the whole process.
        torch.set_num_threads(cores)


@functools.cache
def survive_forks() -> None:
    """See to it that a process that is forked from this one can compute, from now on and once for all.

    PyTorch's threads do not follow into a fork, and the first operation there that wants more than one waits for them
    for good. So a fork begins with one thread. (OpenCV sees to its own: told a number of threads there, it hangs.)
    Called when a network is loaded and not before, so that who only imports samara gets the forks he had.
    """
    if hasattr(os, "register_at_fork"):  # elsewhere there are no forks
        os.register_at_fork(after_in_child=functools.partial(torch.set_num_threads, 1))
