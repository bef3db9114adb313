"""When, where and with which sources something is measured: what every record carries."""

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

# What does not change what is measured: a kernel's patch level, a few bytes that it keeps for itself.
_NOT_IDENTITY = ("system", "memory_bytes", "versions")


@dataclass(frozen=True)
class Environment:
    """What records of one run have in common.

    Attributes:
        machine: plain values, without versions.
        versions: of Python, samara and libraries.
        commit: of the samara sources, None outside git.
    """

    machine: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON values
    versions: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None

    @property
    def identity(self) -> dict[str, Any]:  # Any: JSON values
        """What tells one machine with its versions from another; hashed into the identity of a job."""
        machine = {name: value for name, value in self.machine.items() if name not in _NOT_IDENTITY}
        return {"machine": machine, "versions": dict(self.versions)}


def environment(machine: Machine | None = None) -> Environment:
    """Look at machine, versions and sources.

    Args:
        machine: None to detect it.
    """
    facts = (machine or detect_machine()).as_dict()
    # Through JSON, so that a record that was read equals the one that was written.
    facts = json.loads(json.dumps(facts))
    return Environment(facts, facts.pop("versions"), commit_of(SOURCES))


def commit_of(folder: Path) -> str | None:
    """The commit that a folder of sources is at, "-dirty" behind it if tracked files were changed; None outside git."""
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        # An installed package inside somebody else's repository is not at that repository's commit.
        _git(folder, "ls-files", "--error-unmatch", "__init__.py")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}-dirty" if changed else commit


def now() -> str:
    """UTC time in whole seconds, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def identity_of(facts: Mapping[str, Any]) -> str:  # Any: JSON values
    """Hash JSON values, whatever their order; 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]  # the user's own git, as in their shell
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()  # noqa: S603
