"""The guide's comparisons, recomputed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from samara.checkpoints.catalogue import CATALOGUE
from samara.measurement.published.ratios import RATIOS


def ratio(checkpoint, metric, value):
    (found,) = (each for each in RATIOS if (each.checkpoint, each.metric, each.value) == (checkpoint, metric, value))
    return found


def test_each_is_about_checkpoints_of_the_catalogue():
    names = {row.name for row in CATALOGUE}
    assert {name for each in RATIOS for name in (each.checkpoint, each.other)} <= names


def test_half_a_gigabyte_was_lost_in_units():
    wrong = ratio("sam_vit_b", "file_bytes", 6.4)
    assert wrong.from_the_guide() == pytest.approx(6.4)
    assert wrong.from_facts() == pytest.approx((2_564_550_879 / 375_042_383,))
    assert wrong.is_contradicted


@pytest.mark.parametrize(
    ("metric", "value", "right"), [("file_bytes", 13.2, 63.57), ("everything_seconds", 864, 1641.2)]
)
def test_yolo_was_compared_with_another_checkpoint_than_is_said(metric, value, right):
    wrong = ratio("yolo11n-seg", metric, value)
    assert wrong.is_contradicted
    assert pytest.approx(right, rel=1e-3) in wrong.from_facts()
    assert pytest.approx(value, rel=0.005) in replace(wrong, other="sam2_t").from_facts()


def test_less_time_is_not_more_throughput():
    """80 ms against 110 ms is 27 % less time and 37.5 % more throughput; the guide calls both "faster"."""
    assert ratio("sam_vit_l", "prompt_seconds", 0.27).from_the_guide() == pytest.approx(3 / 11)
    assert ratio("sam_vit_l", "prompt_seconds", 0.375).from_the_guide() == pytest.approx(3 / 8)


def test_vit_b_is_further_ahead_and_further_behind_than_is_said():
    assert ratio("sam_vit_b", "prompt_seconds", 2.2).from_facts() == pytest.approx((446 / 110,))
    assert min(ratio("sam_vit_b", "mean_iou", 0.057).from_facts()) > 0.057


def test_vit_l_is_about_as_close_as_is_said():
    close = ratio("sam_vit_l", "mean_iou", 0.023)
    assert not close.is_contradicted
    assert any(value == pytest.approx(1 - 0.455 / 0.465) for value in close.from_facts())


def test_without_facts_the_guide_is_held_to_its_own_figures():
    alone = ratio("sam_vit_b", "prompt_seconds", 1.6)
    assert alone.from_facts() == ()
    assert not alone.is_contradicted


def test_facts_are_exact_where_they_can_be_and_published_besides():
    """YOLO11n's file has 6.18 MB, which its publisher's table gives in MiB; both are some sixty times less."""
    exact, published = ratio("yolo11n-seg", "file_bytes", 13.2).from_facts()
    assert exact == pytest.approx(375_042_383 / 6_182_636)
    assert published == pytest.approx(375 / 5.9)


def test_a_size_that_nobody_published_is_no_fact():
    assert replace(ratio("yolo11n-seg", "file_bytes", 13.2), other="sam_hq_vit_h").from_facts() == ()
