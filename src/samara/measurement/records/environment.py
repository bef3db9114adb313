"""Environment of a measurement, stored in every record: time, machine, versions and commit."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from samara.system.machine import Machine, detect_machine

SOURCES = Path(__file__).parents[2]

# Facts that do not affect measurements: the kernel's patch level and the memory it reserves.
_NOT_IDENTITY = ("system", "memory_bytes", "versions")


@dataclass(frozen=True)
class Environment:
    """Facts common to the records of one run.

    Attributes:
        machine: facts about the machine as plain values, without versions.
        versions: versions of Python, samara and libraries.
        commit: commit of the samara sources; None outside git.
    """

    machine: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON values
    versions: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None

    @property
    def identity(self) -> dict[str, Any]:  # Any: JSON values
        """Facts that identify a machine with its versions; part of a job's identity."""
        machine = {name: value for name, value in self.machine.items() if name not in _NOT_IDENTITY}
        return {"machine": machine, "versions": dict(self.versions)}


def environment(machine: Machine | None = None) -> Environment:
    """Collect machine, versions and commit.

    Args:
        machine: the machine; None to detect it.
    """
    facts = (machine or detect_machine()).as_dict()
    # Round trip through JSON, so that a record read back equals the one written.
    facts = json.loads(json.dumps(facts))
    return Environment(facts, facts.pop("versions"), commit_of(SOURCES))


def commit_of(folder: Path) -> str | None:
    """Return the commit of a source folder, with the suffix "-dirty" if tracked files changed; None outside git."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        # A package installed inside another repository does not have that repository's commit.
        _git(folder, "ls-files", "--error-unmatch", "__init__.py")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}-dirty" if changed else commit


def now() -> str:
    """Return the UTC time in whole seconds, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def identity_of(facts: Mapping[str, Any]) -> str:  # Any: JSON values
    """Hash JSON values independently of their order; 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]  # the user's own git, as in their shell
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()  # noqa: S603
