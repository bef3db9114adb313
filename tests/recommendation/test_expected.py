"""The time of everything: only what was measured here, in the same way."""

from __future__ import annotations

import dataclasses

import pytest

from samara.recommendation.expected import Running, measured_everything
from tests.recommendation.samples import HERE, record

ASKED = Running("sam_vit_b", "cpu", "torch", "float32", 1024, 32)
OLD = record(metric="everything_seconds", value=3.0, when="2026-11-01T12:00:00+00:00")
NEW = record(metric="everything_seconds", value=2.0, when="2026-11-21T12:00:00+00:00")


def test_the_newest_counts():
    assert measured_everything([OLD, NEW, record(metric="encode_seconds", value=1.0)], ASKED, HERE) == NEW
    assert measured_everything([], ASKED, HERE) is None


@pytest.mark.parametrize(
    "other",
    [
        {"checkpoint": "sam_vit_l"},
        {"device": "cuda"},
        {"engine": "openvino"},
        {"precision": "bfloat16"},
        {"input_size": 512},
        {"points_per_side": 16},
    ],
)
def test_another_way_of_running_is_not_compared(other):
    assert measured_everything([NEW], dataclasses.replace(ASKED, **other), HERE) is None


def test_another_machine_is_not_compared():
    assert measured_everything([NEW], ASKED, dataclasses.replace(HERE, cores=2)) is None


def test_the_grid_of_a_record_counts_unless_there_is_none():
    sparse = record(metric="everything_seconds", value=1.0, settings={"points_per_side": 16})
    assert measured_everything([sparse], ASKED, HERE) is None
    assert measured_everything([sparse], dataclasses.replace(ASKED, points_per_side=16), HERE) == sparse
    assert measured_everything([sparse], dataclasses.replace(ASKED, points_per_side=None), HERE) == sparse


def test_a_measurement_that_failed_says_nothing():
    failed = record(metric="everything_seconds", value=None, status="failed", note="no memory")
    assert measured_everything([failed], ASKED, HERE) is None
