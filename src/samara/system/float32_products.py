"""How GPUs multiply float32: exactly, or in TF32, which reads ten bits of each number's mantissa.

PyTorch has one switch per process, and by default allows TF32 in convolutions but not in matrix products. Here the
precision of the work decides, for as long as the work lasts; the switch is put back afterwards.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Switch:
    """PyTorch's switch of TF32, which concurrent threads share as long as they agree.

    A thread that wants the other way waits until no thread is at work.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._users = 0
        self._position = False
        self._inside = threading.local()

    @contextmanager
    def at(self, tf32: bool) -> Iterator[None]:
        """Hold the switch in a position for a block; inside another block of the same thread, leave it as it is."""
        if getattr(self._inside, "holds", False):
            yield
            return
        self._take(tf32)
        self._inside.holds = True
        try:
            yield
        finally:
            self._inside.holds = False
            self._leave()

    def _take(self, tf32: bool) -> None:
        with self._change:
            self._change.wait_for(lambda: not self._users or self._position == tf32)
            if not self._users:
                self._before = tf32_allowed()
                _allow_tf32(tf32, tf32)
            self._users += 1
            self._position = tf32

    def _leave(self) -> None:
        with self._change:
            self._users -= 1
            if not self._users:
                _allow_tf32(*self._before)
                self._change.notify_all()


def tf32_allowed() -> tuple[bool, bool]:
    """Return whether PyTorch's settings allow TF32 in matrix products and in convolutions on CUDA."""
    matrices, convolutions = torch.backends.cuda.matmul, getattr(torch.backends.cudnn, "conv", None)
    if convolutions is None:  # before PyTorch 2.9
        return matrices.allow_tf32, torch.backends.cudnn.allow_tf32
    # The older names raise an error if somebody has set the newer ones.
    return matrices.fp32_precision == "tf32", convolutions.fp32_precision == "tf32"


def _allow_tf32(in_matrices: bool, in_convolutions: bool) -> None:
    # The older names, which set the newer ones as well.
    torch.backends.cuda.matmul.allow_tf32 = in_matrices
    torch.backends.cudnn.allow_tf32 = in_convolutions


SWITCH = Switch()
"""The one of this process."""
