"""What a researcher does from the first command to the last, as a script, and what they are left with."""

from __future__ import annotations

import csv
import json

import pytest

pytestmark = pytest.mark.slow


def test_a_researcher_learns_whether_fine_tuning_helped(researcher):
    folder = researcher.folder
    names = sorted(path.name for path in (folder / "results").iterdir() if path.is_dir())
    assert names == ["samara_mini", "scores", "tuned.safetensors-fine-tuned-from-samara_mini"]
    for name in (names[0], names[2]):
        assert (folder / "results" / name / "evaluation.html").is_file()
        assert len(list(csv.DictReader((folder / "results" / name / "objects.csv").read_text().splitlines()))) == 24
    rows = list(csv.DictReader((folder / "before-after" / "tables" / "differences.csv").read_text().splitlines()))
    (row,) = rows
    assert row["A − B"].count("samara_mini") == 2
    assert float(row["box, IoU, low"]) <= float(row["box, IoU"]) <= float(row["box, IoU, high"])
    assert row["objects"] == "24"


def test_the_difference_is_that_of_the_two_means(researcher):
    tables = json.loads((researcher.folder / "before-after" / "comparison.json").read_text())["tables"]
    found = {table["name"]: table["rows"] for table in tables}
    means = {row["checkpoint"]: row["numbers"]["box, IoU"]["value"] for row in found["quality"]}
    assert all(0.3 < mean < 0.99 for mean in means.values())
    (row,) = found["differences"]
    first, second = row["A − B"].split(" − ")
    assert row["numbers"]["box, IoU"]["value"] == pytest.approx(means[first] - means[second])


def test_fine_tuning_measures_on_images_of_their_own(researcher):
    rows = list(csv.DictReader((researcher.folder / "tuned.scores.csv").read_text().splitlines()))
    assert {row["set"] for row in rows} == {"validation", "test"}
    for row in rows:
        assert float(row["change_low"]) <= float(row["change"]) <= float(row["change_high"])
    assert "test" in researcher.printed


def test_ones_own_checkpoint_has_no_claims(researcher):
    tables = json.loads((researcher.folder / "before-after" / "comparison.json").read_text())["tables"]
    assert not [table for table in tables if table["name"] == "claims"]


def test_everything_is_said_in_one_place(researcher):
    assert "left out" not in researcher.told  # the extra for pages is installed here
    assert researcher.printed.count("page, tables, charts and 8 images in results/") == 2
    assert "comparison.html" in researcher.printed
