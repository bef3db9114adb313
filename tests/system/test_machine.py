"""What the machine is, on systems made of files."""

from __future__ import annotations

import json
import os

import pytest
import torch

from samara.system import machine
from samara.system.machine import Gpu, Machine, detect_machine

CPUINFO = """processor\t: 0
model name\t: Walnut 9000
flags\t\t: fpu sse2 avx2 avx512f amx_bf16

processor\t: 1
model name\t: Hazel 1
flags\t\t: fpu
"""


@pytest.fixture
def system(tmp_path):
    """A function that writes files of a Linux system and gives its /sys/fs/cgroup and /proc."""

    def write(**files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "cgroups", tmp_path / "proc"

    return lambda files: write(**files)


def test_this_machine():
    found = detect_machine()
    assert found.cores in range(1, os.cpu_count() + 1)
    assert 100e6 < found.memory_bytes < 1e15
    assert found.versions["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert found.processor in found.title
    assert json.loads(json.dumps(found.as_dict()))["cores"] == found.cores


def test_title():
    one = Machine("Walnut", "x86_64", "Linux 6", 1, (), None, (), {})
    assert one.title == "Walnut, 1 core, no GPU"
    other = Machine(
        "Hazel", "arm64", "Linux 6", 8, ("NEON", "BF16"), 16 * 10**9, (Gpu("Titan", 24 * 10**9, "8.6"),), {}
    )
    assert other.title == "Hazel, 8 cores (NEON, BF16), 16.0 GB, Titan 24 GB"


def test_processor_and_its_instructions(system):
    _, proc = system({"proc/cpuinfo": CPUINFO})
    assert machine.processor_name(proc) == "Walnut 9000"
    assert machine.instruction_sets(proc) == ("AVX2", "AVX-512", "AMX-BF16")


def test_arm_calls_its_flags_features(system):
    _, proc = system({"proc/cpuinfo": "processor : 0\nFeatures : fp asimd i8mm bf16\n"})
    assert machine.instruction_sets(proc) == ("NEON", "I8MM", "BF16")


def test_without_cpuinfo_pytorch_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    assert machine.instruction_sets(tmp_path) == ("AVX-512",)
    assert machine.processor_name(tmp_path)


LIMITS = [
    pytest.param(
        {"proc/self/cgroup": "0::/pod/me\n", "cgroups/pod/memory.max": "1000000\n"}, 1_000_000, id="v2, parent"
    ),
    pytest.param(
        {"proc/self/cgroup": "0::/../other\n", "cgroups/memory.max": "2000000\n"}, 2_000_000, id="v2, container"
    ),
    pytest.param(
        {"proc/self/cgroup": "4:memory:/me\n0::/\n", "cgroups/memory/me/memory.limit_in_bytes": "3000000\n"},
        3_000_000,
        id="v1",
    ),
    pytest.param(
        {
            "proc/self/cgroup": "0::/me\n",
            "cgroups/me/memory.max": "max\n",
            "cgroups/memory.max": "5000000\n",
        },
        5_000_000,
        id="no limit of its own",
    ),
]


@pytest.mark.parametrize(("files", "limit"), LIMITS)
def test_containers_limit_the_memory(system, files, limit):
    assert machine.usable_memory(*system(files)) == limit


def test_without_limits_all_memory_counts(system):
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    huge = {"proc/self/cgroup": "4:memory:/\n", "cgroups/memory/memory.limit_in_bytes": str(2**63 - 4096)}
    assert machine.usable_memory(*system(huge)) == physical
    assert machine.usable_memory(*system({"proc/self/nothing": ""})) == physical


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"proc/self/cgroup": "0::/me\n", "cgroups/me/cpu.max": "150000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/me\n", "cgroups/me/cpu.max": "50000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/me\n", "cgroups/me/cpu.max": "max 100000\n"}, 64),
        (
            {
                "proc/self/cgroup": "3:cpu,cpuacct:/me\n",
                "cgroups/cpu,cpuacct/me/cpu.cfs_quota_us": "300000",
                "cgroups/cpu,cpuacct/me/cpu.cfs_period_us": "100000",
            },
            3,
        ),
        (
            {
                "proc/self/cgroup": "3:cpu:/\n",
                "cgroups/cpu/cpu.cfs_quota_us": "-1",
                "cgroups/cpu/cpu.cfs_period_us": "100000",
            },
            64,
        ),
    ],
)
def test_containers_limit_the_cores(system, monkeypatch, files, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert machine.usable_cores(*system(files)) == cores


def test_missing_libraries_have_no_version(monkeypatch):
    monkeypatch.setattr(machine, "LIBRARIES", ("numpy", "no-such-library"))
    assert set(machine.installed_versions()) == {"python", "numpy"}
