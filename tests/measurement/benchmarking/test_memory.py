"""Peaks of memory: of this process, and of one that takes a known amount."""

from __future__ import annotations

import subprocess
import sys

import pytest

from samara.measurement.benchmarking.memory import peak_resident_bytes, peaks

TAKE = """
from samara.measurement.benchmarking.memory import peak_resident_bytes
before = peak_resident_bytes()
taken = bytearray(200 << 20)
taken[::4096] = b"x" * len(taken[::4096])
del taken
print(peak_resident_bytes() - before)
"""


def test_a_peak_stays_after_the_memory_is_given_back():
    done = subprocess.run([sys.executable, "-c", TAKE], capture_output=True, text=True, check=True)
    assert int(done.stdout) == pytest.approx(200 << 20, rel=0.1)


def test_a_processor_has_no_device_memory():
    resident, device = peaks("encode", "cpu", 8)
    assert (resident.metric, resident.batch_size) == ("encode_resident_peak_bytes", 8)
    assert resident.value <= peak_resident_bytes()
    assert (device.metric, device.value, device.status) == ("encode_device_peak_bytes", None, "not applicable")
    assert "does not count memory on cpu" in device.note


@pytest.mark.gpu
def test_device_memory_is_what_pytorch_allocated():
    import torch

    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.max_memory_allocated()
    torch.zeros(100 << 20, dtype=torch.uint8, device="cuda")
    assert peaks("load", "cuda")[1].value - before >= 100 << 20
