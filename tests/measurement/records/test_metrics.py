"""The table of metrics: names and titles tell them apart."""

from __future__ import annotations

import pytest

from samara.measurement.records.metrics import METRICS


def test_titles_are_unique():
    assert len({metric.title for metric in METRICS.values()}) == len(METRICS)


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_units_are_in_the_name(metric):
    endings = {"seconds": "_seconds", "bytes": "_bytes", "parameters": "parameters"}
    assert metric.name.endswith(endings.get(metric.unit, ""))
    assert metric.definition.endswith(".")
    assert (metric.better == "higher") == (metric.group == "quality" and metric.unit == "fraction") or (
        metric.name.startswith("not_reached")
    )
