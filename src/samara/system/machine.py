"""Description of the machine, for reports and machine-specific records: cores, instruction sets, memory, GPUs.

Cores and memory are those this process may use: affinity masks and container limits count, because a container limited
to 4 GB on a host with 256 GB is a machine with 4 GB.
"""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from math import ceil
from pathlib import Path
from typing import Any

INSTRUCTION_SETS = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx_vnni": "AVX-VNNI",
    "avx512_vnni": "AVX-512-VNNI",
    "avx512_bf16": "AVX-512-BF16",
    "avx512_fp16": "AVX-512-FP16",
    "amx_bf16": "AMX-BF16",
    "amx_int8": "AMX-INT8",
    "asimd": "NEON",
    "sve": "SVE",
    "i8mm": "I8MM",
    "bf16": "BF16",
}
"""Instruction sets that matter for speed: flag in Linux' /proc/cpuinfo → display name."""

LIBRARIES = ("samara", "torch", "numpy", "openvino", "onnxruntime", "onnx", "nncf")
"""Libraries whose version affects measurements, by distribution name."""

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Gpu:
    """One graphics processor that PyTorch sees.

    Attributes:
        name: e.g. "NVIDIA A100-SXM4-40GB".
        memory_bytes: total memory.
        capability: CUDA compute capability, e.g. "8.0"; None for other vendors.
    """

    name: str
    memory_bytes: int
    capability: str | None

    @property
    def is_apple(self) -> bool:
        """Whether it is an Apple GPU, which PyTorch calls "mps" and which shares the main memory."""
        return self.name.startswith("Apple")


@dataclass(frozen=True)
class Machine:
    """One machine, described as far as speed and memory depend on it.

    Attributes:
        processor: the processor's name.
        architecture: e.g. "x86_64" or "arm64".
        system: operating system and its release.
        cores: logical processors that this process may use, rounded up if a container grants fractions.
        instruction_sets: available ones of `INSTRUCTION_SETS`.
        memory_bytes: main memory that this process may use; None if unknown.
        gpus: GPUs visible to PyTorch: CUDA, ROCm, Apple.
        versions: versions of Python and the installed ones of `LIBRARIES`.
    """

    processor: str
    architecture: str
    system: str
    cores: int
    instruction_sets: tuple[str, ...]
    memory_bytes: int | None
    gpus: tuple[Gpu, ...]
    versions: dict[str, str]

    @property
    def title(self) -> str:
        """The machine in one line, e.g. "AMD EPYC, 2 cores (AVX2), 25.3 GB, no GPU"."""
        sets = f" ({', '.join(self.instruction_sets)})" if self.instruction_sets else ""
        memory = "" if self.memory_bytes is None else f", {self.memory_bytes / 1e9:.1f} GB"
        gpus = ", ".join(f"{gpu.name} {gpu.memory_bytes / 1e9:.0f} GB" for gpu in self.gpus) or "no GPU"
        return f"{self.processor}, {self.cores} core{'' if self.cores == 1 else 's'}{sets}{memory}, {gpus}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def detect_machine() -> Machine:
    """Describe the machine of this process; imports torch for the GPUs and takes milliseconds otherwise."""
    return Machine(
        processor=processor_name(),
        architecture=platform.machine(),
        system=f"{platform.system()} {platform.release()}",
        cores=usable_cores(),
        instruction_sets=instruction_sets(),
        memory_bytes=usable_memory(),
        gpus=visible_gpus(),
        versions=installed_versions(),
    )


def processor_name(proc: Path = PROC) -> str:
    """Return the processor's name, or its architecture if the name is unknown."""
    known = _cpuinfo(proc).get("model name") or _apple_name()
    return known or platform.processor() or platform.machine() or "unknown processor"


def _apple_name() -> str:
    """Return the name of a Mac's processor, e.g. "Apple M2 Pro"; empty elsewhere."""
    if platform.system() != "Darwin":
        return ""
    asked = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603


def instruction_sets(proc: Path = PROC) -> tuple[str, ...]:
    """Return the names of the available instruction sets; outside Linux the one that PyTorch's kernels use."""
    facts = _cpuinfo(proc)
    flags = set((facts.get("flags") or facts.get("Features") or "").split())
    if flags:
        return tuple(name for flag, name in INSTRUCTION_SETS.items() if flag in flags)
    import torch

    capability = torch.backends.cpu.get_cpu_capability()
    return () if capability in ("DEFAULT", "NO AVX") else (capability.replace("AVX512", "AVX-512"),)


def usable_cores(cgroups: Path = CGROUPS, proc: Path = PROC) -> int:
    """Return the number of logical processors that this process may use, at least 1."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted = [_quota(group) for group in _groups("cpu", cgroups, proc)]
    return max(1, min([here, *(ceil(cores) for cores in granted if cores is not None)]))


def usable_memory(cgroups: Path = CGROUPS, proc: Path = PROC) -> int | None:
    """Return the bytes of main memory that this process may use; None if unknown."""
    limits = [
        limit
        for group in _groups("memory", cgroups, proc)
        for name in ("memory.max", "memory.limit_in_bytes")
        if (limit := _number(group / name)) is not None
    ]
    physical = _physical_memory()
    return min([*limits, *([] if physical is None else [physical])], default=None)


def visible_gpus() -> tuple[Gpu, ...]:
    """Return the GPUs visible to PyTorch through CUDA or ROCm, or else Apple's."""
    import torch

    if torch.backends.mps.is_available():
        return (Gpu(f"Apple GPU of {processor_name()}", usable_memory() or 0, None),)
    if not torch.cuda.is_available():
        return ()
    gpus = (torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count()))
    return tuple(Gpu(gpu.name, gpu.total_memory, f"{gpu.major}.{gpu.minor}") for gpu in gpus)


def installed_versions() -> dict[str, str]:
    """Return the versions of Python and of each installed library of `LIBRARIES`, without importing them."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cpuinfo(proc: Path) -> dict[str, str]:
    """Return facts about the first processor on Linux; empty elsewhere."""
    try:
        text = (proc / "cpuinfo").read_text(errors="replace")
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _groups(controller: str, cgroups: Path, proc: Path) -> Iterator[Path]:
    """Yield the directories of this process's control groups, from its own up to the root, for cgroups version 1 or 2.

    Inside a container the path that Linux reports is often the host's and does not exist; the root does, and is then
    the container's own group.
    """
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        roots = [cgroups / controllers, cgroups / controller] if controllers else [cgroups, cgroups / "unified"]
        own = Path(path.lstrip("/"))
        for root in dict.fromkeys(roots):
            yield from (root / part for part in (own, *own.parents))


def _quota(group: Path) -> float | None:
    """Return the number of processors that a control group grants; None without a limit."""
    try:
        limit, period = (group / "cpu.max").read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        pass
    limit_us, period_us = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
    return limit_us / period_us if limit_us and period_us and limit_us > 0 else None


def _number(path: Path) -> int | None:
    """Return the number in a file; None if it is missing or contains something else, such as "max"."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _physical_memory() -> int | None:
    if sys.platform == "win32":  # pragma: no cover - not run in our CI
        return _windows_memory()
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def _windows_memory() -> int | None:  # pragma: no cover - not run in our CI
    """Return the physical memory by GlobalMemoryStatusEx, which fills in two 32-bit, then seven 64-bit numbers."""
    status = (ctypes.c_uint64 * 8)()
    ctypes.cast(status, ctypes.POINTER(ctypes.c_uint32))[0] = ctypes.sizeof(status)
    library = getattr(ctypes, "windll").kernel32  # noqa: B009 - the attribute does not exist elsewhere
    return int(status[1]) if library.GlobalMemoryStatusEx(ctypes.byref(status)) else None
