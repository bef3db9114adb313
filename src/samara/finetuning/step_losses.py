"""The losses of an epoch's steps: on the device until they are read, because reading waits for its work."""

from __future__ import annotations

import torch
from torch import Tensor

READ_EVERY = 20
"""Steps between two readings for the progress, where reading waits for a device."""


class StepLosses:
    """Collects the losses of steps, and reads them in groups."""

    def __init__(self) -> None:
        self._read: list[float] = []
        self._waiting: list[Tensor] = []

    def add(self, loss: Tensor) -> None:
        """Add the loss of a step, a number on any device."""
        self._waiting.append(loss)

    def __len__(self) -> int:
        """Number of steps."""
        return len(self._read) + len(self._waiting)

    @property
    def mean(self) -> float:
        """Mean of all steps; waits for the device."""
        if self._waiting:
            self._read += torch.stack(self._waiting).tolist()
            self._waiting = []
        return sum(self._read) / len(self._read)

    @property
    def recent_mean(self) -> float:
        """Mean of all steps, or on a device of all but the last few; waits once in `READ_EVERY` steps."""
        on_device = bool(self._waiting) and self._waiting[-1].device.type != "cpu"
        if not self._read or not on_device or len(self._waiting) >= READ_EVERY:
            return self.mean
        return sum(self._read) / len(self._read)
