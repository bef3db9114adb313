"""`benchmarks.gpu` runs from end to end on a small network, obeys its time, and tells what it leaves out."""

from __future__ import annotations

import csv
import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import gpu, gpu_rows
from benchmarks.gpu_rows import MOST_GB, REFERENCE, Figure, Row, Run, meets, rows
from benchmarks.gpu_tests import counted

ROOT = Path(__file__).parents[2]
QUICK = ["--device", "cpu", "--quick"]

WITHOUT = """
import sys
from importlib.machinery import PathFinder
find = PathFinder.find_spec
def find_others(name, path=None, target=None):
    return None if name.split(".")[0] in {absent!r} else find(name, path, target)
PathFinder.find_spec = find_others
from benchmarks.gpu import main
raise SystemExit(main(sys.argv[1:]))
"""


def lines(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def of_their_own(row):
    """Rows that are a process of their own, or the same again with a larger network."""
    return row.work == "tests" or "ViT-H" in row.work


@pytest.mark.parametrize("chosen", ["quick", pytest.param("all", marks=pytest.mark.slow)])
def test_every_row_gives_a_figure_or_a_reason(tmp_path, monkeypatch, capsys, chosen):
    kept = [row for row in rows() if chosen == "all" or not of_their_own(row)]
    monkeypatch.setattr(gpu, "rows", lambda: kept)
    assert gpu.main([*QUICK, "--out", str(tmp_path / "gpu.csv")]) == 0
    found = lines(tmp_path / "gpu.csv")
    assert {line["work"] for line in found} == {row.work for row in gpu.rows()}
    assert not [line for line in found if line["note"].startswith("failed")]
    assert all(line["value"] or line["note"].startswith("left out") for line in found)
    with_value = {line["work"] for line in found if line["value"] and line["contender"].startswith("samara")}
    assert with_value == {line["work"] for line in found if "compiled" not in line["work"]}
    assert all(line["device"] and line["torch"] and line["commit"] for line in found)
    told = capsys.readouterr().out
    assert "host: " in told
    assert "not installed" in told or "no small network" in told


@pytest.mark.slow
def test_it_needs_what_it_says_and_no_more(tmp_path):
    """Without the libraries of the command line, of reports and of data sets."""
    absent = {"typer", "rich", "yaml", "jinja2", "matplotlib", "openvino", "onnxruntime", "onnx", "pyarrow", "rasterio"}
    command = [sys.executable, "-c", WITHOUT.format(absent=absent), *QUICK, "--out", str(tmp_path / "gpu.csv")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not [line for line in lines(tmp_path / "gpu.csv") if line["note"].startswith("failed")]


def test_without_a_requirement_nothing_is_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(gpu.REQUIRED, "no_such_module", "no-such-distribution")
    assert gpu.main([*QUICK, "--out", str(tmp_path / "gpu.csv")]) == 1
    assert "no-such-distribution" in capsys.readouterr().out
    assert not (tmp_path / "gpu.csv").exists()


def test_rows_without_time_are_told(tmp_path, capsys):
    assert gpu.main([*QUICK, "--seconds", "0.01", "--out", str(tmp_path / "gpu.csv")]) == 1
    found = lines(tmp_path / "gpu.csv")
    assert [line["work"] for line in found] == [row.work for row in rows()]
    assert all(line["note"].startswith("left out: 0 s are left") for line in found)


def test_a_row_that_breaks_takes_no_other_with_it(tmp_path):
    def breaking(run):
        yield Figure("samara", 1.0)
        raise KeyError("a mistake")

    run = Run("cpu", True, tmp_path, lambda: 100.0)
    figures = list(gpu.measured(Row("work", "s", breaking), run))
    assert [figure.value for figure in figures] == [1.0, None]
    assert "KeyError" in figures[1].note


SECONDS, RATE = Row("a", "s", rows, 0.5), Row("b", "images/s", rows, 100, lower=False)


@pytest.mark.parametrize(
    ("row", "changes", "expected"),
    [
        (SECONDS, {"value": 0.4}, True),
        (SECONDS, {"value": 0.6}, False),
        (RATE, {"value": 120.0}, True),
        (RATE, {"value": 80.0}, False),
        (SECONDS, {"value": 0.4, "peak_gb": MOST_GB + 1}, False),
        (SECONDS, {"value": 0.4, "meets": False}, False),
        (SECONDS, {"value": None}, None),
        (SECONDS, {"value": 0.4, "contender": REFERENCE}, None),
        (dataclasses.replace(SECONDS, goal=None), {"value": 0.4}, None),
    ],
)
def test_goals(row, changes, expected):
    assert meets(row, Figure(**{"contender": "samara float32", **changes})) is expected


def test_ratios_are_to_the_official_code():
    assert gpu.line(SECONDS, Figure("samara", 0.5), 2.0)["times_as_good_as_official"] == "4"
    assert gpu.line(RATE, Figure("samara", 50.0), 10.0)["times_as_good_as_official"] == "5"
    assert gpu.line(RATE, Figure("samara", 50.0), None)["times_as_good_as_official"] == ""


@pytest.mark.parametrize(
    ("name", "same", "expected"),
    [
        ("samara float32", ("0.99990", "1.0000"), True),
        ("samara float32", ("0.99000", "1.0000"), False),
        ("samara bfloat16", ("0.40000", "0.9600"), True),
        ("samara bfloat16", ("0.40000", "0.9400"), False),
        ("segment-anything float32", ("1.00000", "1.0000"), None),
    ],
)
def test_goals_of_agreement(name, same, expected):
    worst, share = same
    assert gpu_rows._agrees(name, {"worst_iou_both_ways": worst, "share_above_0.9": share}) is expected


def test_what_pytest_says_is_counted():
    output = "FAILED tests/a.py::one - no\n3 failed, 80 passed, 2 skipped, 9 deselected in 40.1s"
    first, failed = counted(output, 1)
    assert (first.value, first.note, first.meets) == (3.0, "3 failed, 80 passed, 2 skipped", False)
    assert failed.note == "FAILED tests/a.py::one - no"
    (nothing,) = counted("", 3)
    assert (nothing.value, nothing.note) == (None, "failed: pytest ended with status 3")
