"""What a measurement can be told."""

from __future__ import annotations

import pytest

from samara.errors import SettingsError
from samara.measurement.benchmarking.settings import BenchmarkSettings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups": ("beauty",)}, "'beauty' cannot be measured; choose from quality, speed, memory, size"),
        ({"groups": ()}, "nothing cannot be measured"),
        ({"batch_sizes": ()}, "batch_sizes are"),
        ({"batch_sizes": (1, 0)}, "batch_sizes are"),
        ({"repeats": 0}, "repeats is 0"),
        ({"threads": 0}, "threads is 0"),
        ({"seconds": 0.0}, "seconds is 0"),
        ({"timeout_s": float("nan")}, "timeout_s is nan"),
    ],
)
def test_nonsense_is_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        BenchmarkSettings(**changes)
