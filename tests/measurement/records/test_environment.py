"""Commit, machine and time."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import datetime

from samara.measurement.records.environment import commit_of, environment, identity_of, now
from samara.system.machine import Machine

MACHINE = Machine("chip", "x86_64", "Linux 6.1", 2, ("AVX2",), 8 << 30, (), {"torch": "2.13.0"})


def git(folder, *arguments):
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    return subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True, text=True).stdout


def test_the_commit_is_that_of_the_sources(tmp_path):
    assert commit_of(tmp_path) is None
    git(tmp_path, "init")
    (tmp_path / "__init__.py").write_text("")
    assert commit_of(tmp_path) is None
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD").strip()
    assert commit_of(tmp_path) == commit
    (tmp_path / "__init__.py").write_text("changed")
    assert commit_of(tmp_path) == f"{commit}-dirty"


def test_a_package_installed_inside_a_repository_has_no_commit(tmp_path):
    git(tmp_path, "init")
    (tmp_path / "mine.txt").write_text("")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "somebody else's")
    installed = tmp_path / ".venv" / "samara"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    assert commit_of(installed) is None


def test_the_machine_is_told_in_json_values():
    here = environment(MACHINE)
    assert here.versions == {"torch": "2.13.0"}
    assert "versions" not in here.machine
    assert json.loads(json.dumps(here.machine)) == here.machine


def test_a_new_kernel_is_the_same_machine_and_a_new_torch_another():
    def identity(machine):
        return identity_of(environment(machine).identity)

    assert identity(MACHINE) == identity(replace(MACHINE, system="Linux 6.2", memory_bytes=(8 << 30) - 4096))
    assert identity(MACHINE) != identity(replace(MACHINE, versions={"torch": "2.14.0"}))
    assert identity(MACHINE) != identity(replace(MACHINE, cores=4))


def test_identity_does_not_depend_on_order():
    assert identity_of({"a": 1, "b": [2]}) == identity_of({"b": [2], "a": 1}) != identity_of({"a": 1, "b": [3]})


def test_the_time_is_utc_to_the_second():
    assert datetime.fromisoformat(now()).utcoffset().total_seconds() == 0
    assert "." not in now()
