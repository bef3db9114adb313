"""The command as users start it: help in a blink, version, one-sentence errors, exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

import samara
from samara.cli import main
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


MODULES = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
TYPER = "import typer, typer.rich_utils, rich.panel, rich.table"
HELP = "from samara.cli.main import run; sys.argv = ['samara', '--help']; run()"


def test_help_costs_little_more_than_typer_itself():
    """Counted in modules, which are what it takes its time for: seconds depend on who else is at work."""

    def imported(code):
        done = subprocess.run([sys.executable, "-c", MODULES + code], capture_output=True, text=True, check=True)
        return done.stderr.split()

    def packages(modules):
        return {name.split(".")[0] for name in modules} - sys.stdlib_module_names

    typer_alone, helped = imported(TYPER), imported(HELP)
    assert packages(helped) <= packages(typer_alone) | {"samara"}
    assert len(helped) < 1.5 * len(typer_alone)


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


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An image with ground truth, a file, and a folder whose name is that of a checkpoint."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAMARA_HOME", str(tmp_path / "home"))
    Image.new("RGB", (40, 30)).save("a.png")
    image = {"id": 1, "file_name": "a.png", "width": 40, "height": 30}
    mask = {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[1, 1, 20, 1, 20, 20, 1, 20]]}
    Path("truth.json").write_text(json.dumps({"images": [image], "annotations": [mask]}))
    Path("file").touch()
    Path("folder.pth").mkdir()
    return tmp_path


def told(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["samara", *arguments])
    with pytest.raises(SystemExit) as exit_:
        main.run()
    return exit_.value.code, capsys.readouterr()


TRUTH = ["--ground-truth", "truth.json", "--images", "."]
FOLDERS = {
    "segment": ["a.png"],
    "annotate": ["a.png"],
    "evaluate": TRUTH,
    "compare": ["--checkpoints", "samara_mini", "--images", "."],
    "export": [],
    "recommend": [*TRUTH],
}


@pytest.mark.parametrize("out", ["/proc/nope/x", "file", "file/x", "x" * 300, "/dev/full"])
@pytest.mark.parametrize("command", FOLDERS)
def test_folders_that_cannot_be_written_are_found_before_the_work(place, monkeypatch, capsys, command, out):
    monkeypatch.setattr("samara.checkpoints.load.choose_place", None)  # nothing is loaded
    code, printed = told(monkeypatch, capsys, command, *FOLDERS[command], "--out", out)
    assert (code, printed.out, printed.err.count("\n")) == (1, "", 1)
    assert out in printed.err
    assert sorted(path.name for path in place.iterdir() if path.name != "home") == [
        *("a.png", "file", "folder.pth", "truth.json")
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--out", "/proc/nope/x.safetensors"],
        ["--out", "file/x.pth"],
        ["--out", "folder.pth"],
        ["--out", "folder.pth", "--overwrite"],
        ["--out", f"{'x' * 300}.pth"],
        ["--out", "/dev/full"],
        ["--out", "deep/x.pth", "--report", "/proc/nope/r.html"],
        ["--out", "deep/x.pth", "--report", "file"],
        ["--out", "deep/x.pth", "--tensorboard", "file"],
        ["--out", "deep/x.png"],
    ],
)
def test_results_of_a_training_that_cannot_be_written_are_found_before_it(place, monkeypatch, capsys, arguments):
    monkeypatch.setattr("samara.checkpoints.load.choose_place", None)
    train = ["finetune", "--train", "truth.json", "--images", ".", "--no-curve"]
    code, printed = told(monkeypatch, capsys, *train, *arguments)
    assert (code, printed.out, printed.err.count("\n")) == (1, "", 1)
    assert not (place / "deep").exists()
    assert not list((place / "folder.pth").iterdir())


def test_somebody_elses_files_are_not_replaced(place, monkeypatch, capsys):
    (place / "out").mkdir()
    (place / "out" / "comparison.csv").write_text("mine")
    (place / "out" / "records.jsonl").write_text("no record\n")
    (place / "x.pth.curve.png").write_text("mine")
    for arguments, message in {
        ("compare", "--checkpoints", "samara_mini", "--out", "out"): "comparison.csv exists",
        ("evaluate", *TRUTH, "--out", "out"): "records.jsonl, line 1",
        ("finetune", "--train", "truth.json", "--images", ".", "--out", "x.pth", "--curve"): "curve.png exists",
    }.items():
        code, printed = told(monkeypatch, capsys, *arguments)
        assert code == 1
        assert message in printed.err
    assert (place / "out" / "comparison.csv").read_text() == "mine"
    assert (place / "x.pth.curve.png").read_text() == "mine"


@pytest.mark.parametrize("arguments", [["--version"], ["checkpoints", "list"], ["recommend", "--ram", "8", "--json"]])
def test_a_full_output_is_one_sentence(arguments):
    with open("/dev/full", "w") as full:
        result = subprocess.run([*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == "samara: the output cannot be written: No space left on device; redirect it elsewhere\n"


@pytest.mark.parametrize("arguments", [["--help"], ["checkpoints", "list", "--json"]])
def test_a_closed_pipe_is_quiet(arguments):
    read, write = os.pipe()
    os.close(read)
    result = subprocess.run([*COMMAND, *arguments], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (result.returncode, result.stderr) == (1, "")


def test_nobody_to_tell_is_no_traceback():
    with open("/dev/full", "w") as full:
        assert subprocess.run([*COMMAND, "checkpoints", "identify", "absent"], stderr=full, check=False).returncode == 1
    assert run("--version").returncode == 0


def test_what_the_system_refuses_is_a_sentence(monkeypatch, capsys):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", "/some/file")

    monkeypatch.setattr(main, "app", refuse)
    code, printed = told(monkeypatch, capsys)
    assert (code, printed.err) == (
        1,
        "samara: /some/file: Permission denied; choose another place, or free space or fix its permissions\n",
    )
