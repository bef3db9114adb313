"""What a machine is, for reports and for records that hold on one machine only: cores, instructions, memory, GPUs.

Cores and memory are what this process may use: an affinity mask or a container's limits count, because a container
that is promised 4 GB on a host of 256 is a machine of 4 GB.
"""

from __future__ import annotations

import ctypes
import os
import platform
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
"""What decides which arithmetic is fast: flag in Linux' /proc/cpuinfo → name for people."""

LIBRARIES = ("samara", "torch", "numpy", "openvino", "onnxruntime", "onnx", "nncf")
"""Libraries whose version changes what is measured, by their distribution name."""

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Gpu:
    """One graphics processor that PyTorch sees.

    Attributes:
        name: e.g. "NVIDIA A100-SXM4-40GB".
        memory_bytes: in all.
        capability: CUDA compute capability, e.g. "8.0"; None for other makes.
    """

    name: str
    memory_bytes: int
    capability: str | None


@dataclass(frozen=True)
class Machine:
    """One machine, as far as speed and memory depend on it.

    Attributes:
        processor: the processor's name.
        architecture: e.g. "x86_64" or "arm64".
        system: operating system and its release.
        cores: logical processors that this process may use, rounded up where a container grants fractions.
        instruction_sets: those of `INSTRUCTION_SETS` that are there.
        memory_bytes: main memory that this process may use; None where the system does not tell.
        gpus: what PyTorch sees, CUDA and ROCm.
        versions: of Python and of the installed ones of `LIBRARIES`.
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
        """Plain values, for JSON."""
        return asdict(self)


def detect_machine() -> Machine:
    """Look at the machine that this process runs on; loads torch for the GPUs and takes milliseconds otherwise."""
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
    """The processor's name, or its architecture where the system does not tell more."""
    return _cpuinfo(proc).get("model name") or platform.processor() or platform.machine() or "unknown processor"


def instruction_sets(proc: Path = PROC) -> tuple[str, ...]:
    """Names of the instruction sets that are there; off Linux the one that PyTorch's kernels use."""
    facts = _cpuinfo(proc)
    flags = set((facts.get("flags") or facts.get("Features") or "").split())
    if flags:
        return tuple(name for flag, name in INSTRUCTION_SETS.items() if flag in flags)
    import torch

    capability = torch.backends.cpu.get_cpu_capability()
    return () if capability in ("DEFAULT", "NO AVX") else (capability.replace("AVX512", "AVX-512"),)


def usable_cores(cgroups: Path = CGROUPS, proc: Path = PROC) -> int:
    """Logical processors that this process may use, at least 1."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted = [_quota(group) for group in _groups("cpu", cgroups, proc)]
    return max(1, min([here, *(ceil(cores) for cores in granted if cores is not None)]))


def usable_memory(cgroups: Path = CGROUPS, proc: Path = PROC) -> int | None:
    """Bytes of main memory that this process may use; None where the system does not tell."""
    limits = [
        limit
        for group in _groups("memory", cgroups, proc)
        for name in ("memory.max", "memory.limit_in_bytes")
        if (limit := _number(group / name)) is not None
    ]
    physical = _physical_memory()
    return min([*limits, *([] if physical is None else [physical])], default=None)


def visible_gpus() -> tuple[Gpu, ...]:
    """The GPUs that PyTorch sees through CUDA or ROCm."""
    import torch

    if not torch.cuda.is_available():
        return ()
    gpus = (torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count()))
    return tuple(Gpu(gpu.name, gpu.total_memory, f"{gpu.major}.{gpu.minor}") for gpu in gpus)


def installed_versions() -> dict[str, str]:
    """Version of Python and of each library of `LIBRARIES` that is installed; none is imported."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cpuinfo(proc: Path) -> dict[str, str]:
    """Facts about the first processor, from Linux; elsewhere nothing."""
    try:
        text = (proc / "cpuinfo").read_text(errors="replace")
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in text.split("\n\n")[0].splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _groups(controller: str, cgroups: Path, proc: Path) -> Iterator[Path]:
    """Directories of this process's control groups, from its own up to the root, of version 1 or 2 of cgroups.

    Inside a container the path that Linux tells is often the host's and is not there; the root is, and is then the
    container's own group.
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
    """Processors that a control group grants; None without limit."""
    try:
        limit, period = (group / "cpu.max").read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        pass
    limit_us, period_us = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
    return limit_us / period_us if limit_us and period_us and limit_us > 0 else None


def _number(path: Path) -> int | None:
    """The number in a file; None when it is not there or says something else, such as "max"."""
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
    """Physical memory by GlobalMemoryStatusEx, which fills in two 32-bit, then seven 64-bit numbers."""
    status = (ctypes.c_uint64 * 8)()
    ctypes.cast(status, ctypes.POINTER(ctypes.c_uint32))[0] = ctypes.sizeof(status)
    library = getattr(ctypes, "windll").kernel32  # noqa: B009 - the attribute is not there elsewhere
    return int(status[1]) if library.GlobalMemoryStatusEx(ctypes.byref(status)) else None
