"""Tables from records."""

from __future__ import annotations

import pytest

from samara.measurement.comparison.comparison import Comparison, printable
from samara.measurement.comparison.tables import mean_quality, memory, overview, quality, speed, tables, throughput
from tests.measurement.comparison.samples import HOSTILE, comparison, number, subject


def cells(table, title):
    row = next(row for row in table.rows if row.heads[0].startswith(title))
    return dict(zip(table.columns, row.cells, strict=True))


def test_overview_has_one_line_per_contender():
    table = overview(comparison())
    assert len(table.rows) == 4
    mobile = cells(table, "mobile_sam")
    assert mobile["parameters"].text == "10.0 M"
    assert mobile["parameters"].beside.published == "10.1 M"
    assert mobile["its grid"].text == "16 × 16"
    assert mobile["encode"].text == "1.00 s"
    assert mobile["encode"].spread == "0.900–1.20 s"
    assert mobile["image and click"].value == 1.25
    assert mobile["centre click IoU"].value == pytest.approx(0.55)
    assert [row.is_random for row in table.rows] == [True, True, False, False]  # as in the catalogue


def test_what_has_no_value_says_why():
    vit_b = cells(overview(comparison()), "sam_vit_b, Chip One")
    assert vit_b["centre click IoU"].text == "–"
    assert "random weights have no quality" in vit_b["centre click IoU"].note
    in_memory = cells(memory(comparison()), "sam_vit_b, Chip One")
    assert "load" not in in_memory  # a column of which nobody knows anything


def test_a_mean_of_some_domains_is_no_mean_of_all():
    who = subject("a")
    one = Comparison((number(who, "box_iou", 0.5, domain="natural"), number(who, "box_iou", 0.7, domain="medical")))
    assert mean_quality(one.contenders[0], "box_iou", ("natural", "medical")).value == pytest.approx(0.6)
    partial = mean_quality(one.contenders[0], "box_iou", ("natural", "medical", "satellite"))
    assert partial.value is None
    assert "not measured on all" in partial.note


def test_speed_keeps_first_calls_apart_and_counts():
    table = speed(comparison())
    rows = {row.heads: row.cells for row in table.rows}
    first, median, calls = rows["mobile_sam", "encode, batch of 1"]
    assert (first.text, median.text, median.spread, calls.text) == ("2.00 s", "1.00 s", "0.900–1.20 s", "7")
    assert rows["mobile_sam", "encode, batch of 8"][0].text == "–"
    assert ("mobile_sam", "decode 64 prompts") not in rows


def test_throughput_is_the_inverse_of_the_time_per_image():
    mobile = cells(throughput(comparison()), "mobile_sam")
    assert mobile["single"].value == 1.0
    assert mobile["batches of 8"].value == 2.0
    assert (mobile["single"].low, mobile["single"].high) == pytest.approx((1 / 1.2, 1 / 0.9))


def test_memory_tells_main_memory_from_the_gpu():
    table = memory(comparison())
    on_gpu = cells(table, "sam_vit_b, NVIDIA X9")
    assert on_gpu["GPU, encode, batch of 1"].text == "2.50 GB"
    assert on_gpu["GPU, encode, batch of 1"].beside.is_contradicted
    assert cells(table, "mobile_sam")["encode, batch of 1"].text == "1.00 GB"


def test_quality_by_domain_has_intervals():
    table = quality(comparison())
    rows = {row.heads: dict(zip(table.columns, row.cells, strict=True)) for row in table.rows}
    click = rows["mobile_sam", "medical"]["centre click, IoU"]
    assert (click.text, click.spread) == ("0.500", "0.450–0.550")
    assert rows["mobile_sam", "medical"]["objects"].text == "20"


def test_what_was_not_measured_has_no_row():
    assert {row.heads[0] for row in quality(comparison()).rows} == {"mobile_sam", printable(HOSTILE)}
    assert all(any(cell.value is not None for cell in row.cells) for row in memory(comparison()).rows)


def test_recall_states_its_grid():
    who = subject("mine", input_size=512)
    facts = {"domain": "cells", "settings": {"points_per_side": 16}}
    table = quality(Comparison((number(who, "average_recall", 0.4, **facts),)))
    assert cells(table, "mine")["grid of everything"].text == "16 × 16"


def test_empty_tables_are_left_out():
    made = tables(Comparison((number(subject("a"), "parameters", 5),)))
    assert [table.name for table in made] == ["overview"]
