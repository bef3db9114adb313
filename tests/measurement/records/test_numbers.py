"""Numbers become records."""

from __future__ import annotations

import json

import pytest

from samara.errors import RecordError
from samara.measurement.records.environment import Environment
from samara.measurement.records.numbers import Number, as_record, without_value
from samara.measurement.records.records import Interval
from tests.measurement.records.samples import SUBJECT

NUMBER = Number(
    metric="encode_seconds", value=0.5, interval=Interval(low=0.4, high=0.6, kind="quartiles"), n=7, batch_size=8
)


@pytest.mark.parametrize("number", [NUMBER, without_value("load_seconds", "failed", "killed", batch_size=1)])
def test_a_number_survives_json(number):
    assert Number.from_json(json.loads(json.dumps(number.as_json()))) == number


@pytest.mark.parametrize("document", [{}, {"interval": 3}, NUMBER.as_json() | {"moon": 1}])
def test_other_values_are_told(document):
    with pytest.raises(RecordError, match="is not a number"):
        Number.from_json(document)


def test_a_record_has_the_number_and_where_it_is_from():
    here = Environment({"cores": 2}, {"torch": "2"}, "c0ffee")
    record = as_record(NUMBER, subject=SUBJECT, job="j", settings={"repeats": 3}, here=here, domain="d")
    assert (record.metric, record.value, record.interval, record.n, record.batch_size) == (
        NUMBER.metric,
        NUMBER.value,
        NUMBER.interval,
        7,
        8,
    )
    assert (record.subject, record.job, record.settings, record.domain) == (SUBJECT, "j", {"repeats": 3}, "d")
    assert (record.machine, record.versions, record.commit) == ({"cores": 2}, {"torch": "2"}, "c0ffee")
