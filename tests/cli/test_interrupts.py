"""SIGTERM stops as Ctrl-C does, and only while it is asked to."""

from __future__ import annotations

import signal
import subprocess
import sys

ENDED_BY_SIGTERM = """
import signal
from samara.cli.interrupts import terminated_as_interrupted

try:
    with terminated_as_interrupted():
        signal.raise_signal(signal.SIGTERM)
except KeyboardInterrupt:
    print("interrupted", flush=True)
signal.raise_signal(signal.SIGTERM)
print("still alive")
"""


def test_sigterm_is_an_interrupt_for_a_while():
    # In a process of its own: a signal that goes astray would end the tests.
    ended = subprocess.run([sys.executable, "-c", ENDED_BY_SIGTERM], capture_output=True, text=True, timeout=120)
    assert ended.stdout == "interrupted\n", ended.stderr
    assert ended.returncode == -signal.SIGTERM
