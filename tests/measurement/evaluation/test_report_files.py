"""Files of an evaluation: plain names, a folder for each evaluation, and nothing lost without the extra."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace

import pytest

import samara
from samara import EvaluationSettings
from samara.measurement.evaluation.report_files import folder_of
from tests.finetuning.conftest import make_tiny
from tests.measurement.comparison.samples import number, subject
from tests.measurement.evaluation.conftest import write_coco

SETTINGS = EvaluationSettings(objects=2, measures=("box", "centre_click"), failures=1)


@pytest.fixture(scope="module")
def trained():
    tiny = make_tiny()
    return replace(tiny, provenance=replace(tiny.provenance, weights="file"))


def run(folder, trained, **options):
    coco = write_coco(folder)
    options = {"settings": SETTINGS, "out": folder / "out"} | options
    return samara.evaluate(coco, coco.parent / "images", trained, **options)


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_names_are_plain(tmp_path, trained):
    written = run(tmp_path, trained).written
    found = [name for name in names(written.folder) if "iou-0" not in name]
    assert found == [
        "charts/objects-by-iou.pdf",
        "charts/objects-by-iou.svg",
        "evaluation.html",
        "evaluation.json",
        "objects.csv",
        "summary.csv",
        "summary.tex",
    ]
    (box,) = (path.name for path in written.worst if path.name.startswith("box"))
    assert box.startswith("box-1-iou-0.")
    assert len(list(csv.DictReader((written.folder / "objects.csv").read_text().splitlines()))) == 6
    assert set(written.others) | set(written.worst) | set(written.best) == {
        written.folder / name for name in names(written.folder)
    }


def test_the_same_evaluation_replaces_and_another_one_does_not(tmp_path, trained):
    first = run(tmp_path, trained).written
    again = run(tmp_path, trained).written
    other = run(tmp_path, trained, settings=replace(SETTINGS, seed=1)).written
    named = run(tmp_path, trained, domain="My cells").written
    assert [one.folder.name for one in (first, again, other, named)] == ["tiny", "tiny", "tiny-2", "tiny-my-cells"]
    jobs = [json.loads((one.folder / "evaluation.json").read_text())["job"] for one in (again, other, named)]
    assert len(set(jobs)) == 3


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    assert folder_of(tmp_path, number(subject("mine"), "box_iou", 0.5, domain="all")).name == "mine-2"
    (tmp_path / "mine" / "evaluation.json").write_text("[]")
    assert folder_of(tmp_path, number(subject("mine"), "box_iou", 0.5, domain="all")).name == "mine-2"


def test_without_the_extra_numbers_and_images_are_written_and_the_rest_is_told(tmp_path, trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    told = []
    evaluation = run(tmp_path, trained, notice=told.append)
    (sentence,) = (one for one in told if "evaluation.html" in one)
    assert sentence.startswith("evaluation.html and the charts were left out: ")
    assert "samara[report]" in sentence
    assert sentence in evaluation.notices
    found = names(evaluation.written.folder)
    assert {"summary.csv", "objects.csv"} <= set(found)
    assert not any(name.endswith((".html", ".svg")) for name in found)
