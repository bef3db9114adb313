"""The machine to run a checkpoint on: this one, or one described by a few numbers."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Literal

from samara.errors import DeviceError, SettingsError
from samara.recommendation.request import positive
from samara.recommendation.statement import Statement
from samara.recommendation.throughput import assumed_apple_speed, assumed_cpu_speed, assumed_gpu_speed
from samara.system.machine import Machine

DeviceKind = Literal["cpu", "cuda", "mps"]

USABLE: dict[DeviceKind, float] = {"cpu": 0.75, "cuda": 0.90, "mps": 0.75}
"""Usable fraction of the memory, by rule of thumb: system, display and other programs take the rest."""

LAPTOP_CORES, LAPTOP_SETS = 4, ("AVX2",)
"""Assumptions about a machine described only by its memory."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The machine to run on.

    Attributes:
        device: kind of device.
        memory_bytes: memory of the device; None if unknown, which means no limit.
        speed: floating-point operations per second, see `throughput`.
        title: short description of the machine.
        machine: the detected machine; None for a described one.
    """

    device: DeviceKind
    memory_bytes: float | None
    speed: Statement
    title: str
    machine: Machine | None = None

    @property
    def usable_bytes(self) -> float | None:
        """Memory available to a checkpoint."""
        return None if self.memory_bytes is None else self.memory_bytes * USABLE[self.device]

    def as_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        return {
            "device": self.device,
            "memory_bytes": self.memory_bytes,
            "usable_bytes": self.usable_bytes,
            "flops": asdict(self.speed),
            "title": self.title,
            "detected": self.machine is not None,
        }


def target(
    *, vram_gb: float | None = None, ram_gb: float | None = None, device: str = "auto", machine: Machine | None = None
) -> Target:
    """Choose the machine.

    Args:
        vram_gb: memory of the GPU of another machine, GB of 10^9 bytes.
        ram_gb: main memory of another machine; without `vram_gb` it has no GPU.
        device: "auto", or "cpu", "cuda" or "mps" of the machine.
        machine: this machine; required and used only if neither memory is given.

    Raises:
        SettingsError: a memory or device is invalid, or no machine is given.
        DeviceError: a GPU was requested but there is none.
    """
    vram, ram = (positive(value, "memory", "GB") for value in (vram_gb, ram_gb))
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
        raise SettingsError(f"{device!r} is not a device; use auto, cpu, cuda, cuda:N or mps")
    kind = device.split(":")[0]
    if vram is not None or ram is not None:
        return _described(vram, ram, kind)
    if machine is None:
        raise SettingsError("there is no machine to recommend for; pass vram_gb, ram_gb, or the machine itself")
    return _detected(machine, device, kind)


def _described(vram_gb: float | None, ram_gb: float | None, kind: str) -> Target:
    if kind == "cuda" and vram_gb is None:
        raise DeviceError("cuda was requested for a machine without a GPU; pass its GPU memory with `vram_gb`")
    if vram_gb is not None and kind in ("auto", "cuda"):
        return Target(
            device="cuda",
            memory_bytes=vram_gb * 1e9,
            speed=assumed_gpu_speed(vram_gb * 1e9),
            title=f"a GPU of {vram_gb:g} GB",
        )
    if kind == "mps":
        return _described_apple(ram_gb or vram_gb)
    memory = None if ram_gb is None else ram_gb * 1e9
    title = "a CPU" if ram_gb is None else f"a CPU with {ram_gb:g} GB of memory"
    return Target(
        device="cpu",
        memory_bytes=memory,
        speed=assumed_cpu_speed(LAPTOP_CORES, LAPTOP_SETS),
        title=title,
    )


def _described_apple(memory_gb: float | None) -> Target:
    memory = None if memory_gb is None else memory_gb * 1e9
    shared = "" if memory_gb is None else f" with {memory_gb:g} GB of shared memory"
    return Target(device="mps", memory_bytes=memory, speed=assumed_apple_speed(memory), title=f"an Apple GPU{shared}")


def _detected(machine: Machine, device: str, kind: str) -> Target:
    apple = next((gpu for gpu in machine.gpus if gpu.is_apple), None)
    if kind == "mps" and apple is None:
        raise DeviceError(
            "mps was asked for, but PyTorch sees no Apple GPU here; use cpu, or describe the machine with `ram_gb`"
        )
    if apple is not None and kind in ("auto", "mps"):
        return Target(
            device="mps",
            memory_bytes=apple.memory_bytes,
            speed=assumed_apple_speed(apple.memory_bytes, apple.name),
            title=f"{apple.name}, {apple.memory_bytes / 1e9:.0f} GB",
            machine=machine,
        )
    if kind == "cuda" and (not machine.gpus or apple is not None):
        raise DeviceError(
            f"{device} was asked for, but PyTorch sees no CUDA GPU here; use cpu, or describe the GPU with `vram_gb`"
        )
    if machine.gpus and apple is None and kind in ("auto", "cuda"):
        number = int(device.partition(":")[2] or 0)
        if number >= len(machine.gpus):
            raise DeviceError(f"{device} was asked for, but there are only {len(machine.gpus)} GPUs")
        gpu = machine.gpus[number]
        return Target(
            device="cuda",
            memory_bytes=gpu.memory_bytes,
            speed=assumed_gpu_speed(gpu.memory_bytes, gpu.name),
            title=f"{gpu.name}, {gpu.memory_bytes / 1e9:.0f} GB",
            machine=machine,
        )
    memory = "" if machine.memory_bytes is None else f", {machine.memory_bytes / 1e9:.0f} GB"
    return Target(
        device="cpu",
        memory_bytes=machine.memory_bytes,
        speed=assumed_cpu_speed(machine.cores, machine.instruction_sets),
        title=f"{machine.processor}, {machine.cores} core{'' if machine.cores == 1 else 's'}{memory}",
        machine=machine,
    )
