"""Settings of a measurement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from samara.errors import SettingsError
from samara.images.settings import AS_THEY_ARE, ImageReading
from samara.measurement.records.metrics import Group

MEASURED_IN, COMPARED_IN = "samara-measurements", "comparison"
"""Default folders for measurements and for a comparison."""

GROUPS: tuple[Group, ...] = get_args(Group)


@dataclass(frozen=True, kw_only=True)
class BenchmarkSettings:
    """Scope and thoroughness of a measurement.

    Attributes:
        groups: measure these groups of metrics; "quality" needs ground truth.
        batch_sizes: encode these numbers of images together, each at least 1.
        repeats: call at most this often after the first time, at least 1.
        seconds: stop calls of one kind after this time, provided there were three, or one that took this long.
        points_per_side: search "everything" with this many points per side, at least 1; None for the checkpoint's own,
            which `segment` uses.
        images: use at most this many images in turn, at least 1.
        threads: use this many CPU threads; None for PyTorch's default.
        timeout_s: time limit of a process in seconds; if exceeded, the process is killed and its numbers are recorded
            as failed.
        reading: options for reading images.
    """

    groups: tuple[Group, ...] = GROUPS
    batch_sizes: tuple[int, ...] = (1, 8)
    repeats: int = 10
    seconds: float = 20.0
    points_per_side: int | None = None
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
            raise SettingsError(f"batch_sizes are {list(self.batch_sizes)}; each must be at least 1")
        for name in ("repeats", "points_per_side", "images", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingsError(f"{name} is {value}; it must be at least 1")
        for name in ("seconds", "timeout_s"):
            if not getattr(self, name) > 0:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be more than 0")
