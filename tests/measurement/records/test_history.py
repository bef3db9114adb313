"""Files of records are found again, from wherever they were written."""

from __future__ import annotations

from pathlib import Path

import pytest

from samara.errors import RecordError
from samara.measurement.records.history import remember, remembered
from samara.measurement.records.record_file import append_records
from tests.measurement.comparison.samples import number, subject


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path):
    monkeypatch.setenv("SAMARA_HOME", str(tmp_path / "new" / "home"))


def test_what_was_noted_is_found_from_elsewhere(tmp_path, monkeypatch):
    assert remembered() == []
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    records = [number(subject("a"), "parameters", 1), number(subject("b"), "parameters", 2)]
    for place, record in zip(("one.jsonl", "two.jsonl"), records, strict=True):
        remember(Path(place))
        append_records(tmp_path / "there" / place, [record])
    remember(tmp_path / "there" / "one.jsonl")  # known already
    monkeypatch.chdir(tmp_path)
    assert remembered() == records


def test_what_is_gone_is_forgotten(tmp_path):
    for name in ("gone", "kept", "third"):
        remember(tmp_path / name)
        append_records(tmp_path / name, [number(subject(name), "parameters", 1)])
    (tmp_path / "gone").unlink()
    assert [record.subject.checkpoint for record in remembered()] == ["kept", "third"]
    remember(tmp_path / "later")
    assert str(tmp_path / "gone") not in (tmp_path / "new" / "home" / "measurements.txt").read_text()


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "damaged").write_text("{}\n")
    remember(tmp_path / "damaged")
    with pytest.raises(RecordError, match="damaged, line 1"):
        remembered()
