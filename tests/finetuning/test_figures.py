"""Figures and tables beside a report: what they are called, and that they hold the numbers."""

from __future__ import annotations

import csv
import io
from xml.etree import ElementTree

import pytest

from samara.finetuning.before_after import ComparedSet
from samara.finetuning.figures import draw_changes, figure_paths, write_figures
from tests.finetuning.test_advice import APART
from tests.finetuning.test_before_after import compared

SETS = {
    "test": ComparedSet((compared(0.1, 0.2), compared(0.3))),
    "validation": ComparedSet((compared(-0.1),)),
}


def table(path):
    return list(csv.DictReader(io.StringIO(path.read_text())))


def test_files_lie_beside_the_report(tmp_path):
    written = write_figures(tmp_path / "cells.html", APART, 2, SETS)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in written)
    paths = figure_paths(tmp_path / "cells.html")
    assert paths["curve.svg"].name == "cells.curve.svg"
    for name in ("curve.svg", "change.svg"):
        assert ElementTree.parse(paths[name]).getroot().tag.endswith("svg")
    assert paths["change.pdf"].read_bytes().startswith(b"%PDF")
    assert [row["click_iou"] for row in table(paths["curve.csv"])] == ["0.661", "0.67", "0.685"]
    scores = table(paths["scores.csv"])
    assert [(row["set"], row["prompt"], row["objects"]) for row in scores] == [
        ("test", "click", "3"),
        ("test", "box", "3"),
        ("validation", "click", "1"),
        ("validation", "box", "1"),
    ]
    assert float(scores[0]["change"]) == pytest.approx(0.2)
    assert float(scores[0]["change_low"]) == pytest.approx(0.15)
    assert scores[2]["change_low"] == ""
    assert len(table(paths["objects.csv"])) == 8


def test_the_same_run_gives_the_same_files(tmp_path):
    first, second = (write_figures(tmp_path / name / "r.html", APART, 2, SETS) for name in "ab")
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_changes_are_drawn_where_they_are():
    figure = draw_changes({name: one.scores() for name, one in SETS.items()})
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()][:2] == ["test: click", "test: box"]
    points = [line.get_xdata()[0] for line in axes.get_lines() if line.get_marker() == "o"]
    assert points == pytest.approx([0.2, 0, -0.1, 0])
