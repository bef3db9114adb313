"""`samara compare` as a user calls it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from samara.cli.compare import read_batch_sizes, read_ground_truths, read_groups, terminal_table
from samara.cli.main import app
from samara.errors import SettingsError
from samara.measurement.comparison.tables import tables
from samara.measurement.records.record_file import append_records
from tests.measurement.comparison.samples import comparison, records
from tests.measurement.evaluation.conftest import write_coco


@pytest.fixture(autouse=True)
def _remembered_apart(monkeypatch, tmp_path):
    monkeypatch.setenv("SAMARA_HOME", str(tmp_path / "samara"))


@pytest.fixture
def file(tmp_path):
    append_records(tmp_path / "r.jsonl", records())
    return tmp_path / "r.jsonl"


def run(*arguments):
    return CliRunner().invoke(app, ["compare", *map(str, arguments)], env={"COLUMNS": "240"})


def test_records_are_shown_without_measuring(file, tmp_path):
    result = run("--records", file, "--out", tmp_path / "out", "--remark", "Busy.")
    assert result.exit_code == 0, result.output
    assert "mobile_sam" in result.stdout
    assert "sam_vit_b, Chip One, 2 cores, CPU *" in result.stdout
    assert "* random weights" in result.stdout
    assert "<script>" in result.stdout  # text, not obeyed
    assert "\x1b" not in result.stdout
    assert "Chip One, 2 cores, CPU: mobile_sam has the best masks (IoU from centre clicks 0.550)" in result.stdout
    assert "comparison.html, comparison.json, comparison.csv, comparison.md, tables, charts in" in result.stdout
    assert "Busy." in (tmp_path / "out" / "comparison.html").read_text()


def test_json_is_all_that_is_printed(file, tmp_path):
    result = run("--records", file, "--out", tmp_path / "out", "--json")
    assert json.loads(result.stdout) == json.loads((tmp_path / "out" / "comparison.json").read_text())


def test_ground_truths_have_their_folders(tmp_path):
    one, two = tmp_path / "one.json", tmp_path / "a=b.json"
    two.touch()
    found = read_ground_truths([f"cells={one}", str(two)], [tmp_path / "x", tmp_path / "y"])
    assert [(each.domain, each.annotations, each.images.name) for each in found] == [
        ("cells", one, "x"),
        ("all", two, "y"),
    ]
    shared = read_ground_truths([f"a={one}", f"b={one}"], [tmp_path])
    assert [each.images for each in shared] == [tmp_path, tmp_path]
    mixed = read_ground_truths([f"a={one}", f"b={tmp_path / 'pets.yaml'}"], [tmp_path])  # YOLO has its own
    assert [each.images for each in mixed] == [tmp_path, None]
    assert [each.images for each in read_ground_truths([str(one)], [])] == [None]
    for files, folders in ((["a", "b", "c"], [tmp_path, tmp_path]), ([], [tmp_path, tmp_path])):
        with pytest.raises(SettingsError, match="--images once"):
            read_ground_truths(files, folders)


def test_batch_sizes_are_numbers():
    assert read_batch_sizes("1, 8,8") == (1, 8)
    with pytest.raises(SettingsError, match="whole numbers"):
        read_batch_sizes("1,many")


def test_groups_are_known_names():
    assert read_groups("speed, size") == ("speed", "size")
    with pytest.raises(SettingsError, match="'price' is not known; use"):
        read_groups("size,price")


@pytest.mark.slow
def test_measuring_ends_in_a_page(tmp_path):
    coco = write_coco(tmp_path)
    options = ["--batch-sizes", 1, "--repeats", 1, "--points-per-side", 2, "--measure", "box", "--limit", 1]
    arguments = ["--ground-truth", coco, "--images", coco.parent / "images", "--out", tmp_path / "out", *options]
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    overview = json.loads(result.stdout)["tables"][0]["rows"]
    assert [row["checkpoint"] for row in overview] == ["samara_mini"]
    numbers = overview[0]["numbers"]
    assert all(numbers[name]["value"] > 0 for name in ("parameters", "file", "encode", "everything", "box IoU"))
    before = (tmp_path / "out" / "records.jsonl").read_text()
    assert run(*arguments).exit_code == 0
    assert (tmp_path / "out" / "records.jsonl").read_text() == before  # nothing is measured twice


@pytest.mark.parametrize("width", [60, 80, 120, 400])
def test_a_terminal_shows_what_fits(width):
    for table in tables(comparison()):
        lines = terminal_table(table, width).splitlines()
        assert max(map(len, lines[: 2 + len(table.rows)])) <= width
        hidden = [name for name in table.columns if f"  {name}" not in lines[1]]
        assert bool(hidden) == any(line.startswith("Not shown: ") for line in lines)
        if width == 400:
            assert not hidden
        if table.name == "overview" and width >= 80:
            # Neither a name nor a number is broken.
            assert any(line.startswith("mobile_sam") and "1.25 s" in line and "8.00 s" in line for line in lines)
