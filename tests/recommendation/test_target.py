"""The machine: this one, or a described one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from samara.errors import DeviceError, SettingsError
from samara.recommendation.target import USABLE, target
from samara.system.machine import Gpu
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


def test_an_apple_gpu_is_a_gpu():
    described = target(ram_gb=16, device="mps")
    assert (described.device, described.title) == ("mps", "an Apple GPU with 16 GB of shared memory")
    assert described.speed.value > 4 * target(ram_gb=16).speed.value
    mac = replace(HERE, processor="Apple M2 Pro", gpus=(Gpu("Apple GPU of Apple M2 Pro", 32_000_000_000, None),))
    for device in ("auto", "mps"):
        found = target(machine=mac, device=device)
        assert (found.device, found.title) == ("mps", "Apple GPU of Apple M2 Pro, 32 GB")
        assert found.speed.basis == "an Apple GPU like the M1 Pro's"
    assert target(machine=mac, device="cpu").device == "cpu"
    with pytest.raises(DeviceError, match="PyTorch sees no CUDA GPU here"):
        target(machine=mac, device="cuda")
    with pytest.raises(DeviceError, match="PyTorch sees no Apple GPU here"):
        target(machine=HERE, device="mps")
