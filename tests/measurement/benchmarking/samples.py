"""Jobs like those that a run makes."""

from __future__ import annotations

from dataclasses import replace

from samara.measurement.benchmarking.jobs import BenchmarkJob
from tests.measurement.records.samples import SUBJECT

MINI = replace(SUBJECT, sha256=None, input_size=384)
RANDOM_MINI = replace(MINI, weights="random", input_size=64)
SPEED = {"repeats": 2, "seconds": 0.01, "threads": 1, "images": ["drawn"]}


def job(**changes):
    facts = {
        "kind": "memory",
        "checkpoint": "samara_mini",
        "subject": RANDOM_MINI,
        "settings": {"work": "load", "threads": 1},
        "inputs": {"images": []},
        "metrics": ("load_resident_peak_bytes", "load_device_peak_bytes"),
    }
    return BenchmarkJob(**facts | changes)
