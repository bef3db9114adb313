"""SIGTERM stops as Ctrl-C does, and only while it is asked to."""

from __future__ import annotations

import signal

import pytest

from samara.cli.interrupts import terminated_as_interrupted


def test_sigterm_is_an_interrupt_for_a_while():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), terminated_as_interrupted():
        signal.raise_signal(signal.SIGTERM)  # to this thread: another one might take it when it ends the process again
    assert signal.getsignal(signal.SIGTERM) is before
