"""Files of records: growing, damaged, joined."""

from __future__ import annotations

import pytest

from samara.errors import RecordError
from samara.measurement.records.record_file import append_records, measured_jobs, read_records
from tests.measurement.records.samples import record


def test_records_come_back_in_order(tmp_path):
    path = tmp_path / "records.jsonl"
    assert read_records(path) == []
    append_records(path, [record(), record(source="bsds500")])
    append_records(path, [record(source=None)])
    assert [one.source for one in read_records(path)] == ["coco", "bsds500", None]


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "records.jsonl"
    append_records(path, [record()])
    with path.open("a") as file:
        file.write("damage\n")
    with pytest.raises(RecordError, match=r"records\.jsonl, line 2: 'damage' is not a record"):
        read_records(path)


def test_files_of_two_machines_are_joined_by_putting_them_together(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    elsewhere = record(machine={"processor": "other"}, job="f" * 16)
    append_records(one, [record()])
    append_records(two, [elsewhere])
    one.write_bytes(one.read_bytes() + two.read_bytes())
    assert read_records(one) == [record(), elsewhere]


def test_a_job_that_failed_in_the_end_is_not_done():
    failed = {"value": None, "interval": None, "status": "failed", "note": "killed"}
    records = [record(job="a"), record(job="b", **failed), record(job="c"), record(job="c", **failed)]
    assert measured_jobs(records) == {"a"}
    assert measured_jobs([*records, record(job="b")]) == {"a", "b"}
