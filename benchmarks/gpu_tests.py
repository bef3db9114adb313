"""The tests of the GPU as a row of `gpu.py`."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks.gpu_rows import Figure, Run

ROOT = Path(__file__).parents[1]
MARKERS = {"cuda": "gpu", "mps": "mps"}
MOST_S = 200.0
"""Seconds after which the tests are stopped, so that rows after them are measured."""


def tests(run: Run) -> Iterator[Figure]:
    """Failed tests of this device; on a processor, those of one path."""
    name = "samara"
    absent = [module for module in ("pytest", "hypothesis") if importlib.util.find_spec(module) is None]
    if absent:
        yield Figure(name, None, f"left out: {', '.join(absent)} not installed")
        return
    marker = MARKERS.get(torch.device(run.device).type)
    what = ["-m", marker, "tests"] if marker else ["tests/gpu/test_paths.py", "-k", "may_be_nothing and cpu"]
    how = ["-q", "-p", "no:cacheprovider", "--tb=line", "--continue-on-collection-errors"]
    command = [sys.executable, "-m", "pytest", *how, *what]
    path = os.pathsep.join((str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])))
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=max(1.0, min(MOST_S, run.remaining_s())),
        )
    except subprocess.TimeoutExpired:
        yield Figure(name, None, "stopped: the tests took longer than the time that was left for them")
        return
    yield from counted(done.stdout, done.returncode)


def counted(output: str, status: int) -> Iterator[Figure]:
    """The numbers of pytest's last line, and the name of each test that failed."""
    counts = {what: int(number) for number, what in re.findall(r"(\d+) (passed|failed|skipped|error)", output)}
    if not counts:
        yield Figure("samara", None, f"failed: pytest ended with status {status}")
        return
    bad = counts.get("failed", 0) + counts.get("error", 0)
    yield Figure("samara", float(bad), ", ".join(f"{number} {what}" for what, number in counts.items()), meets=not bad)
    for line in output.splitlines():
        if line.startswith(("FAILED ", "ERROR ")):
            yield Figure("failed test", None, line)
