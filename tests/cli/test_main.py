"""The command as users start it: help in a blink, version, one-sentence errors, exit status."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

import samara
from samara.cli.main import app

COMMAND = [sys.executable, "-m", "samara"]


def run(*arguments):
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)


def test_version():
    result = run("--version")
    assert result.stdout.strip() == f"samara {samara.__version__}"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["segment", "--help"], ["checkpoints", "--help"], ["checkpoints", "identify", "-h"]]
)
def test_every_command_has_help(arguments):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_help_costs_little_more_than_python_itself():
    """A ratio in the same run, so that a busy machine does not fail it: 0.3 s where an empty Python takes 0.03 s."""

    def seconds(command):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run(command, capture_output=True, check=True)
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    typer_alone = seconds([sys.executable, "-c", "import typer, typer.rich_utils, rich.panel, rich.table"])
    assert seconds([*COMMAND, "--help"]) < 2.5 * typer_alone


def test_errors_are_one_sentence_on_stderr(tmp_path):
    result = run("checkpoints", "identify", str(tmp_path / "absent.pth"))
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("samara: ")
    assert "absent.pth" in result.stderr
    assert "Traceback" not in result.stderr


def test_wrong_usage_has_its_own_exit_status():
    assert run("segment").returncode == 2
    assert run("no-such-command").returncode == 2
