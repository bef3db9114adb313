"""Ratios are computed from what was measured, and the guide's are marked."""

from __future__ import annotations

from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.ratio_table import SMALL, guide_note_on_ratio, versus
from tests.measurement.comparison.samples import all_of, comparison, subject


def test_ratios_follow_the_numbers():
    for slower in (4.0, 12.0):
        records = (*all_of(subject("sam_vit_b"), scale=slower), *all_of(subject("mobile_sam"), scale=0.5))
        (table,) = versus(Comparison(records))
        rows = {row.heads[0]: dict(zip(table.columns, row.cells, strict=True)) for row in table.rows}
        assert rows["mobile_sam"]["times smaller"].value == slower / 0.5
        assert rows["mobile_sam"]["times faster"].value == slower / 0.5
        assert rows["sam_vit_b"]["times smaller"].value == 1.0


def test_only_processors_and_only_their_own_numbers():
    (table,) = versus(comparison())  # nothing of the GPU
    assert {"sam_vit_b, Chip One, 2 cores, CPU", *SMALL} <= {row.heads[0] for row in table.rows}
    assert not any("NVIDIA" in row.heads[0] for row in table.rows)


def test_what_was_not_measured_shows_what_others_published_and_no_ratio():
    (table,) = versus(comparison())
    yolo = next(row for row in table.rows if row.heads == ("yolo11n-seg",))
    file, _, time, smaller, faster = yolo.cells
    assert file.value is None
    assert file.beside.published == "5.9 MB"
    assert time.beside.claimed == "30.1 ms"
    assert smaller.value is faster.value is None


def test_wrong_ratios_of_the_guide_are_marked():
    assert guide_note_on_ratio("yolo11n-seg", "file_bytes") == "guide 13.2× ✗, published numbers give 60.7–63.6×"
    assert "864× ✗" in guide_note_on_ratio("yolo11n-seg", "everything_seconds")
    assert guide_note_on_ratio("mobile_sam", "file_bytes") == ""


def test_without_any_of_them_there_is_no_table():
    assert versus(Comparison(tuple(all_of(subject("mine"))))) == []
