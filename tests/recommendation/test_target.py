"""The machine: this one, or a described one."""

from __future__ import annotations

import pytest

from samara.errors import DeviceError, SettingsError
from samara.recommendation.target import USABLE, target
from tests.recommendation.samples import HERE, WITH_GPU


def test_a_described_gpu():
    found = target(vram_gb=24, ram_gb=64)
    assert (found.device, found.memory_bytes, found.title, found.machine) == ("cuda", 24e9, "a GPU of 24 GB", None)
    assert found.usable_bytes == pytest.approx(24e9 * USABLE["cuda"])


def test_a_described_processor():
    assert target(ram_gb=8).device == "cpu"
    assert target(ram_gb=8, device="mps").device == "mps"
    assert target(vram_gb=24, ram_gb=8, device="cpu").memory_bytes == 8e9
    unlimited = target(vram_gb=24, device="cpu")
    assert (unlimited.memory_bytes, unlimited.usable_bytes, unlimited.title) == (None, None, "a CPU")


def test_this_machine():
    assert target(machine=HERE).title == "Test CPU, 8 cores, 32 GB"
    gpu = target(machine=WITH_GPU)
    assert (gpu.device, gpu.title, gpu.speed.certainty) == ("cuda", "NVIDIA GeForce RTX 3090, 25 GB", "published")
    assert target(machine=WITH_GPU, device="cpu").device == "cpu"
    assert target(machine=WITH_GPU, device="cuda:0").device == "cuda"
    assert target(machine=HERE).as_dict()["detected"] is True


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"device": "tpu", "ram_gb": 8}, SettingsError, "'tpu' is not a device; use auto, cpu, cuda, cuda:N or mps"),
        ({"vram_gb": -1}, SettingsError, "memory is -1 GB; it must be a number above 0"),
        ({"ram_gb": float("nan")}, SettingsError, "memory is nan GB; it must be a number above 0"),
        ({}, SettingsError, "there is no machine to recommend for; pass vram_gb, ram_gb, or the machine itself"),
        (
            {"device": "cuda", "ram_gb": 8},
            DeviceError,
            "cuda was requested for a machine without a GPU; pass its GPU memory",
        ),
        ({"device": "cuda", "machine": HERE}, DeviceError, "PyTorch sees no CUDA GPU here"),
        ({"device": "cuda:3", "machine": WITH_GPU}, DeviceError, "there are only 1 GPUs"),
        ({"device": "cuda:x", "machine": WITH_GPU}, SettingsError, "'cuda:x' is not a device"),
    ],
)
def test_wrong_machines_give_one_sentence(wrong, error, message):
    with pytest.raises(error) as raised:
        target(**wrong)
    assert message in str(raised.value)
