"""The settings of a measurement, declared once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from samara.errors import SettingsError
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.measurement.records.metrics import Group

MEASURED_IN, COMPARED_IN = "samara-measurements", "comparison"
"""Folders for what is measured, and for a comparison, where nobody names another."""

GROUPS: tuple[Group, ...] = get_args(Group)


@dataclass(frozen=True, kw_only=True)
class BenchmarkSettings:
    """What is measured, and how thoroughly.

    Attributes:
        groups: numbers to measure; "quality" needs ground truth.
        batch_sizes: images that are encoded together, each at least 1.
        repeats: most calls after the first, at least 1.
        seconds: calls of one kind stop after so many seconds, if there were three of them, or one that took as long.
        points_per_side: grid of "everything", at least 1.
        images: most images that take turns, at least 1.
        threads: CPU threads; None for as many as PyTorch takes by itself.
        timeout_s: a process that takes longer is ended, and its numbers are noted as failed.
        reading: how images are read.
    """

    groups: tuple[Group, ...] = GROUPS
    batch_sizes: tuple[int, ...] = (1, 8)
    repeats: int = 10
    seconds: float = 20.0
    points_per_side: int = 32
    images: int = 3
    threads: int | None = None
    timeout_s: float = 3600.0
    reading: ImageReading = AS_THEY_ARE

    def __post_init__(self) -> None:
        unknown = [group for group in self.groups if group not in GROUPS]
        if unknown or not self.groups:
            told = repr(unknown[0]) if unknown else "nothing"
            raise SettingsError(f"{told} cannot be measured; choose from {', '.join(GROUPS)}")
        if not self.batch_sizes or min(self.batch_sizes) < 1:
            raise SettingsError(f"batch_sizes are {list(self.batch_sizes)}; give numbers from 1")
        for name in ("repeats", "points_per_side", "images", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingsError(f"{name} is {value}; it must be at least 1")
        for name in ("seconds", "timeout_s"):
            if not getattr(self, name) > 0:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be more than 0")
