"""The README does what it says: its Python runs as pasted, its commands run, its table is the catalogue's."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from docs.update_readme import README, updated
from samara.cli.main import app

ROOT = README.parent
TEXT = README.read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture
def workplace(tmp_path):
    """A folder that has what the README's paths name."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    weights = tmp_path / "src" / "samara" / "checkpoints" / "weights"
    weights.mkdir(parents=True)
    shutil.copy(ROOT / "src" / "samara" / "checkpoints" / "weights" / "samara_mini.safetensors", weights)
    return tmp_path


INTERFACE, DROP_IN = blocks("python")


def test_python_runs_as_pasted(workplace):
    result = subprocess.run(
        [sys.executable, "-c", INTERFACE], cwd=workplace, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "(2, 1200, 1800)" in result.stdout
    assert re.search(r"\d+ masks", result.stdout)


def test_the_drop_in_runs_as_pasted(workplace, monkeypatch):
    """In this process, which has loaded torch already."""
    monkeypatch.chdir(workplace)
    exec(DROP_IN, {})


COMMANDS = [line for block in blocks("bash") for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command, workplace, monkeypatch):
    program, *arguments = shlex.split(command)
    assert program == "samara"
    monkeypatch.chdir(workplace)
    monkeypatch.setenv("SAMARA_HOME", str(workplace / "store"))
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert result.output.strip()


def test_there_are_commands_and_they_come_early():
    assert len(COMMANDS) >= 4
    assert TEXT[: TEXT.index("```python")].count("\n") < 30


def test_generated_parts_are_up_to_date():
    assert updated(TEXT) == TEXT, "run `make docs`"


def test_the_tree_lists_what_is_there():
    tree = re.search(r"^```\n(src/samara/\n.*?)^```", TEXT, re.DOTALL | re.MULTILINE)[1]
    listed = set(re.findall(r"^  (\S+)", tree, re.MULTILINE))
    present = {
        path.name + ("/" if path.is_dir() else "")
        for path in (ROOT / "src" / "samara").iterdir()
        if not path.name.startswith("__") and path.name not in ("py.typed",)
    }
    assert listed == present - {"_version.py"}  # not worth a newcomer's first look


def test_linked_files_exist():
    prose = re.sub(r"^```.*?^```", "", TEXT, flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        assert (ROOT / target).exists(), target


def test_every_example_has_its_origin():
    attribution = (ROOT / "examples" / "ATTRIBUTION.md").read_text()
    for path in Path(ROOT / "examples").glob("*.jpg"):
        assert path.name in attribution
