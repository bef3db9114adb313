"""The record of a figure, for people and for programs."""

from __future__ import annotations

from samara.published.record import METRICS, Conditions, Figure


def test_conditions_say_what_is_known_and_nothing_else():
    assert str(Conditions()) == ""
    assert str(Conditions(hardware="A100", batch=8, prompts="1 point")) == "A100, batch 8, 1 point"


def test_a_figure_as_plain_values_has_its_unit():
    figure = Figure(checkpoint="sam_vit_h", metric="encode_s", value=0.15, source="SAM FAQ")
    assert figure.as_dict()["unit"] == "s"
    assert figure.as_dict()["conditions"]["hardware"] is None


def test_metrics_are_named_by_their_unit():
    for metric in METRICS.values():
        if metric.name.endswith("_s") and metric.name != "images_per_s":
            assert metric.unit == "s"
        if metric.name.endswith("_bytes"):
            assert metric.unit == "bytes"
