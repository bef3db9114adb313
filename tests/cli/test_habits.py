"""What all commands share: -o, --quiet, --verbose, and help that reads well."""

import json
import logging
import os
import re
import subprocess
import sys

import pytest
from PIL import Image
from typer.main import get_command
from typer.testing import CliRunner

from samara.cli.commands import COMMANDS
from samara.cli.habits import RESULT_IS_PRINTED
from samara.cli.main import app

ONE = [name for name in COMMANDS if name not in {"checkpoints", "records"}]


def help_of(*names):
    return CliRunner().invoke(app, [*names, "--help"], env={"COLUMNS": "80"}).output


@pytest.mark.parametrize("name", ONE)
def test_every_command_has_them(name):
    text = help_of(name)
    assert ("--quiet" in text) is (name not in RESULT_IS_PRINTED)
    assert "--verbose" in text
    assert "--config" in text
    (out,) = ([one for one in get_command(app).commands[name].params if "--out" in one.opts] or [None])[:1]
    assert out is None or "-o" in text.split()


@pytest.mark.parametrize("names", [(), *((name,) for name in COMMANDS), ("checkpoints", "get"), ("checkpoints", "add")])
def test_help_shows_no_types_of_python(names):
    text = help_of(*names)
    for python in ("<bool>", "<str>", "<list", "<Path>", "<path>", "<dir>"):
        assert python not in text
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search(r"^│[ *]*--[\w-]+,", text, re.MULTILINE), "one of several names"
    assert "…" not in text, "something is cut"


def test_paragraphs_of_the_help_fill_their_lines():
    lines = help_of("segment").splitlines()
    first = next(number for number, line in enumerate(lines) if line.strip().startswith("Writes an overlay"))
    assert all(len(line.rstrip()) > 60 for line in lines[first : first + 2])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell):
    environment = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    shown = subprocess.run(
        [sys.executable, "-m", "samara", "--show-completion", shell],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert shown.returncode == 0, shown.stderr
    assert "_SAMARA" in shown.stdout.upper()


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 64), (90, 120, 60)).save("a.png")
    return lambda *more: CliRunner().invoke(app, ["segment", "a.png", "--point", "9,9", "-o", "out", *more])


@pytest.mark.usefixtures("small_inputs")
def test_quiet_and_verbose(call, tmp_path):
    usual, quiet, verbose = call(), call("--quiet"), call("-v")
    assert "a.png: 1 mask" in usual.stdout
    assert (quiet.exit_code, quiet.output) == (0, "")
    assert "samara: a.png: 64 × 64 pixels, read in" in verbose.stderr
    assert "samara: done in" in verbose.stderr
    assert "engine torch on cpu, " in verbose.stderr
    assert usual.stderr == ""
    assert logging.getLogger("samara").level == logging.NOTSET
    assert not logging.getLogger("samara").handlers
    assert json.loads(call("-q", "--json").stdout)["images"][0]["masks"] == 1
    failed = CliRunner().invoke(app, ["segment", "nosuch.png", "-q", "-o", str(tmp_path / "other")])
    assert failed.exit_code == 1
    assert "nosuch.png" in failed.stderr
