"""The worker's protocol: nothing but JSON lines on stdout, errors in a sentence."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.measurement.benchmarking.samples import job

NOISY = """
import os, sys, types
from samara.errors import ImageError

def noisy(job, progress):
    print("a library that prints")
    os.write(1, b"and one in C\\n")
    progress("calls", 1, 2)
    {end}

# In the place of what measures, which takes seconds to import.
sys.modules["samara.measurement.benchmarking.perform"] = types.SimpleNamespace(perform=noisy)
from samara.measurement.benchmarking.worker import main
main()
"""


def run(end):
    done = subprocess.run(
        [sys.executable, "-c", NOISY.format(end=end)], input=job().to_json() + "\n", capture_output=True, text=True
    )
    return done, [json.loads(line) for line in done.stdout.splitlines()]


def test_what_libraries_print_is_no_result():
    done, lines = run("return []")
    assert lines == [{"progress": ["calls", 1, 2]}, {"numbers": []}]
    assert "a library that prints" in done.stderr
    assert "and one in C" in done.stderr
    assert done.returncode == 0


def test_an_error_is_its_first_line():
    done, lines = run('raise ImageError("no image; give one\\nand more")')
    assert lines[-1] == {"error": "no image; give one"}
    assert done.returncode == 0
    assert run("raise MemoryError")[1][-1] == {"error": "MemoryError"}


def test_a_bug_of_ours_ends_it():
    done, lines = run('raise KeyError("bug")')
    assert lines == [{"progress": ["calls", 1, 2]}]
    assert done.returncode == 1
    assert "KeyError" in done.stderr
