"""The record of a figure, for people and for programs."""

from __future__ import annotations

from samara.measurement.published.record import PUBLISHED_METRICS, Conditions, Figure
from samara.measurement.records import metrics as measured


def test_conditions_say_what_is_known_and_nothing_else():
    assert str(Conditions()) == ""
    assert str(Conditions(hardware="A100", batch=8, prompts="1 point")) == "A100, batch 8, 1 point"


def test_a_figure_as_plain_values_has_its_unit():
    figure = Figure(checkpoint="sam_vit_h", metric="encode_seconds", value=0.15, source="SAM FAQ")
    assert figure.as_dict()["unit"] == "seconds"
    assert figure.as_dict()["conditions"]["hardware"] is None


def test_metrics_are_named_by_their_unit():
    for metric in PUBLISHED_METRICS.values():
        for ending in ("seconds", "bytes"):
            assert metric.name.endswith(f"_{ending}") == (metric.unit == ending), metric


def test_what_samara_measures_too_has_its_definition():
    for name, metric in measured.METRICS.items():
        assert (PUBLISHED_METRICS[name].unit, PUBLISHED_METRICS[name].better) == (metric.unit, metric.better)
