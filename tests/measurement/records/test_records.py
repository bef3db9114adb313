"""Records: what they refuse, and the way through JSON and back."""

from __future__ import annotations

import json

import pytest

from samara.errors import RecordError
from samara.measurement.records.records import Interval, Record, latest
from tests.measurement.records.samples import record


def test_a_record_survives_json():
    one = record()
    line = one.to_json()
    assert "\n" not in line
    assert json.loads(line)["unit"] == "fraction"
    assert Record.from_json(line) == one


def test_a_record_without_value_survives_and_says_why():
    one = record(value=None, interval=None, status="not applicable", note="random weights have no quality", n=0)
    assert Record.from_json(one.to_json()) == one


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metric": "beauty"}, "no metric 'beauty'"),
        ({"value": None}, "has value None and status 'measured'"),
        ({"status": "failed"}, "has value 0.567 and status 'failed'"),
        ({"value": None, "status": "failed"}, "neither a value nor a reason"),
        ({"value": float("nan")}, "must be finite"),
        ({"interval": Interval(low=0.0, high=float("inf"), kind="quartiles")}, "must be finite"),
    ],
)
def test_contradictions_are_refused(changes, message):
    with pytest.raises(RecordError, match=message):
        record(**changes)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "is not a record"),
        ("[1]", "is not a record"),
        ("{}", "is not a record"),
        ('{"format": 99}', "has format 99, but this samara reads up to 1"),
        ('{"format": 1}', "is a damaged record"),
        ('{"format": 1, "subject": 3}', "is a damaged record"),
    ],
)
def test_what_is_no_record_is_told(line, message):
    with pytest.raises(RecordError, match=message):
        Record.from_json(line)


def test_fields_of_later_versions_are_left_out():
    document = json.loads(record().to_json())
    document["moon"] = document["subject"]["moon"] = "full"
    assert Record.from_json(json.dumps(document)) == record()


def test_the_newest_number_counts_but_a_late_failure_does_not():
    old, new = record(value=0.1, interval=None, when="2026-01-01T00:00:00+00:00"), record()
    failed = record(value=None, interval=None, status="failed", note="killed", when="2027-01-01T00:00:00+00:00")
    other = record(source=None)
    assert latest([new, other, old, failed]) == [new, other]
    assert latest([failed, old]) == [old]
    assert latest([]) == []
