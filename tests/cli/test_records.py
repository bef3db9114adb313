"""`samara records`: what is remembered is shown, and can be forgotten; files are never touched."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from samara.cli.main import app
from samara.errors import RecordError
from samara.measurement.records.history import remember, remembered_files
from samara.measurement.records.record_file import append_records
from tests.recommendation.samples import record


@pytest.fixture(autouse=True)
def files(monkeypatch, tmp_path):
    monkeypatch.setenv("SAMARA_HOME", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "300")
    made = [tmp_path / name / "records.jsonl" for name in ("comparison", "cells")]
    append_records(made[0], [record("sam_vit_b"), record("mobile_sam", when="2026-11-25T09:00:00+00:00")])
    append_records(made[1], [record("sam_vit_b", n=5)])
    for file in made:
        remember(file)
    return made


def run(*arguments):
    return CliRunner().invoke(app, ["records", *map(str, arguments)])


def test_each_file_is_a_line(files):
    lines = run("list").stdout.splitlines()
    assert lines[0].split() == ["file", "records", "checkpoints", "quality", "from", "to"]
    assert lines[1].split() == [str(files[0]), "2", "2", "2", "2026-11-21", "2026-11-25"]
    assert lines[2].split() == [str(files[1]), "1", "1", "0", "2026-11-21", "2026-11-21"]


def test_the_table_fits_into_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, run("list").stdout.splitlines())) <= 80


def test_json_has_everything(files):
    first, _ = json.loads(run("list", "--json").stdout)
    assert first == {
        "file": str(files[0]),
        "records": 2,
        "checkpoints": ["mobile_sam", "sam_vit_b"],
        "quality": 2,
        "from": "2026-11-21",
        "to": "2026-11-25",
    }


def test_a_file_that_is_gone_or_damaged_says_so(files):
    files[0].unlink()
    files[1].write_text("nonsense\n")
    gone, damaged = json.loads(run("list", "--json").stdout)
    assert gone["problem"] == "the file is gone"
    assert "is not a record" in damaged["problem"]
    assert "the file is gone" in run("list").stdout


def test_forgetting_leaves_the_file(files):
    result = run("forget", files[0].parent)
    assert result.stdout == f"forgotten: {files[0]} (the file stays)\n"
    assert remembered_files() == (files[1],)
    assert files[0].is_file()
    assert run("forget", "--all").exit_code == 0
    assert run("list").stdout == "no records are remembered\n"


def test_what_is_not_remembered_is_an_error_and_nothing_is_forgotten(files, tmp_path):
    assert "is not among the remembered records" in str(run("forget", files[0], tmp_path / "other").exception)
    assert remembered_files() == tuple(files)


@pytest.mark.parametrize("arguments", [[], ["--all", "x"]])
def test_what_to_forget_has_to_be_said(arguments):
    error = run("forget", *arguments).exception
    assert isinstance(error, RecordError)
    assert "say which records to forget" in str(error)
