"""What is left out is counted and told; an empty result is never a success."""

from __future__ import annotations

import pytest

from samara.datasets.reading.findings import MAX_TOLD, Findings, ReadingRules
from samara.errors import DatasetError


def with_faults(count, **rules):
    findings = Findings("'x.json'", ReadingRules(**rules))
    for number in range(count):
        with findings.entry():
            raise DatasetError(f"Annotation {number} in 'x.json' is wrong.")
    return findings


def test_one_fault_is_told_with_the_way_out():
    with pytest.raises(
        DatasetError, match=r"Annotation 0 in 'x.json' is wrong. Fix it, .*`ReadingRules\(skip_bad=True\)`"
    ):
        with_faults(1).settle()


def test_of_many_faults_some_are_told_and_all_are_counted():
    with pytest.raises(DatasetError) as caught:
        with_faults(140).settle()
    text = str(caught.value)
    assert text.startswith("140 entries of 'x.json' are invalid")
    assert text.count("is wrong") == MAX_TOLD
    assert text.endswith("and 132 more")
    assert text.count("x.json") == 1


def test_faults_that_are_left_out_are_counted():
    told = []
    with_faults(140, skip_bad=True).settle(told.append)
    assert told == ["'x.json': 140 bad entries were left out; the first: Annotation 0 is wrong."]


def test_remarks_are_counted_by_kind():
    findings = Findings("x")
    findings.note("boxes were cut", 2)
    findings.note("boxes were cut")
    findings.note("nothing", 0)
    told = []
    findings.settle(told.append)
    assert told == ["x: 3 boxes were cut"]


def test_an_empty_result_is_an_error_only_if_something_was_left_out():
    Findings("x").require_some(0, "boxes")
    mended = Findings("x")
    mended.note("boxes were cut")
    mended.require_some(0, "boxes")
    lost = Findings("x")
    lost.leave_out("crowds were left out", 3)
    lost.require_some(1, "boxes")
    with pytest.raises(DatasetError, match="x has no usable boxes. x: 3 crowds were left out"):
        lost.require_some(0, "boxes")


def test_other_errors_go_through():
    with pytest.raises(ZeroDivisionError), Findings("x").entry():
        1 / 0  # noqa: B018


def test_only_unusual_rules_are_facts():
    assert ReadingRules().facts() == {}
    assert ReadingRules("objects", skip_bad=True).facts() == {"crowds": "objects", "skip_bad": True}
