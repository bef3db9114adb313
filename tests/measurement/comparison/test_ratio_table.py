"""Ratios are computed from what was measured, or known exactly, and the guide's are marked."""

from __future__ import annotations

import pytest

from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.ratio_table import SMALL, guide_factor, published_factor, versus
from tests.measurement.comparison.samples import all_of, comparison, number, subject


def rows_of(table):
    return {row.heads[0]: dict(zip(table.columns, row.cells, strict=True)) for row in table.rows}


def test_ratios_follow_the_numbers():
    for slower in (4.0, 12.0):
        records = (*all_of(subject("sam_vit_b"), scale=slower), *all_of(subject("mobile_sam"), scale=0.5))
        (table,) = versus(Comparison(records))
        rows = rows_of(table)
        assert rows["mobile_sam"]["times smaller"].value == slower / 0.5
        assert rows["mobile_sam"]["times faster"].value == slower / 0.5
        assert rows["sam_vit_b"]["times smaller"].value == 1.0


def test_each_machine_has_its_own_numbers():
    cpu, gpu = versus(comparison())
    assert {"sam_vit_b, Chip One, 2 cores, CPU", *SMALL} <= rows_of(cpu).keys()
    assert not any("NVIDIA" in title for title in rows_of(cpu))
    assert rows_of(gpu).keys() == {"sam_vit_b, NVIDIA X9", *SMALL}
    assert (cpu.name, gpu.name) == ("versus", "versus-2")


def test_the_reference_need_not_be_asked_for():
    """YOLO's factors of size are known from the catalogue, and its published factors of time from one table each."""
    yolo = subject("yolo11n-seg", "random", variant="yolo11n_seg")
    (table,) = versus(Comparison((number(yolo, "file_bytes", 6_182_636.0), number(yolo, "everything_seconds", 0.6))))
    row = rows_of(table)["yolo11n-seg"]
    assert row["times smaller"].value == pytest.approx(375_042_383 / 6_182_636)
    assert row["times faster"].value is None
    assert row["published: times faster"].text == "1,641–1,716×"
    assert (row["guide: times smaller"].text, row["guide: times faster"].text) == ("13.2× ✗", "864× ✗")
    assert row["its grid"].text == "one pass"


def test_what_was_not_measured_has_the_catalogues_size_and_no_time():
    table, _ = versus(comparison())
    row = rows_of(table)["yolo11n-seg"]
    assert row["file"].text == "6.18 MB"
    assert row["everything"].value is None
    assert row["times faster"].value is None


def test_factors_of_others_are_of_one_table():
    assert published_factor("yolo11n-seg", "file_bytes") == "63.6×"
    assert published_factor("sam_vit_b", "file_bytes") == "–"
    assert guide_factor("mobile_sam", "file_bytes") == "–"


def test_without_any_of_them_there_is_no_table():
    assert versus(Comparison(tuple(all_of(subject("mine"))))) == []
