"""`samara review`: what is doubtful, tasks, and corrections back, told in counts."""

from __future__ import annotations

import json
import sys

import pytest

from samara.cli import main
from tests.annotation.review.stores import store_of
from tests.annotation.review.test_corrections import edited, save, submitted, tasks_of


@pytest.fixture
def store(tmp_path):
    return store_of(tmp_path, ("good",), ("unsure", "small"), ("leaking",), None)


@pytest.fixture
def run(monkeypatch, capsys, store):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["samara", "review", str(store.folder), *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main.run()
        return exit_.value.code, capsys.readouterr()

    return run


def test_doubtful_images_are_listed(run):
    code, printed = run()
    assert code == 0
    assert printed.out.splitlines()[0] == "2 of 3 images deserve a look"
    assert ["leaks", "out", "of", "its", "box", "1", "0.1"] in [line.split() for line in printed.out.splitlines()]
    assert any(line.startswith("0001.png ") for line in printed.out.splitlines())
    code, printed = run("--json", "--most", 1, "--outside-box", 0.9)
    assert code == 0
    facts = json.loads(printed.out)
    assert (facts["doubtful"], [one["file"] for one in facts["most_doubtful"]]) == (1, ["0001.png"])


def test_tasks_are_written(run, tmp_path):
    code, printed = run("--out", tmp_path / "tasks")
    assert code == 0
    assert f"label-studio in {tmp_path / 'tasks'}: 3 masks, lossless" in printed.out
    assert "--label-studio-prefix" in printed.err
    assert run("--out", tmp_path / "tasks")[0] == 1  # it is there already
    code, printed = run("--out", tmp_path / "tasks", "--overwrite", "--label-studio-prefix", "s3://b/")
    assert (code, printed.err) == (0, "")
    assert run("--out", tmp_path / "coco", "--format", "coco")[0] == 0
    code, printed = run("--out", tmp_path / "coco", "--format", "yolo")
    assert code == 2


def test_corrections_are_taken_and_counted(run, store, tmp_path):
    tasks = tasks_of(store, tmp_path / "tasks")
    export = save(tmp_path / "export.json", [submitted(tasks[0], edited), tasks[1] | {"annotations": []}])
    code, printed = run("--corrections", export, "--dry-run")
    assert code == 0
    assert printed.out.startswith("1 image would be corrected, 0 unchanged, 0 refused\n")
    code, printed = run("--corrections", export)
    assert code == 0
    assert printed.out.splitlines()[:4] == [
        "1 image corrected, 0 unchanged, 0 refused",
        "masks: 0 kept, 1 redrawn, 0 with another class, 1 added, 1 removed",
        "1 task without an annotation and 0 skipped: left as they are",
        "1 of 3 images deserve a look",
    ]
    bad = save(tmp_path / "bad.json", [submitted(tasks[0], edited) | {"data": {"image": "nowhere.png"}}])
    code, printed = run("--corrections", bad)
    assert code == 1
    assert "samara: nowhere.png: its corrections were not taken: the store has no such image" in printed.err


def test_a_trial_needs_corrections(run):
    code, printed = run("--dry-run")
    assert code == 1
    assert "--dry-run tells what corrections would change; give --corrections, and leave --out out" in printed.err
