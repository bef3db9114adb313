"""What charts show: only contenders with both numbers, quality of one table, shares of the whole."""

from __future__ import annotations

import pytest

from samara.measurement.comparison.charts import bars, not_drawn, published_scatters, scatters
from samara.measurement.comparison.comparison import Comparison
from tests.measurement.comparison.samples import all_of, comparison, subject


def test_points_without_quality_are_listed_and_not_drawn():
    natural, medical = scatters(comparison())
    assert (natural.title, medical.title) == ("natural", "medical")
    assert len(natural.points) == 2
    assert [title for title in not_drawn(comparison()) if "sam_vit_b" in title] == not_drawn(comparison())
    assert len(not_drawn(comparison())) == 2


def test_points_are_the_measured_numbers():
    point = next(one for one in scatters(comparison())[0].points if one.title == "mobile_sam")
    assert (point.seconds, point.quality) == pytest.approx((1.25, 0.6))
    assert (point.low, point.high) == pytest.approx((0.55, 0.65))


def test_published_quality_is_of_one_table_and_meets_the_measured_time():
    times = {"sam_vit_h": 9.0, "sam_vit_l": 5.0, "sam_vit_b": 2.0, "mobile_sam": 1.0, "sam_hq_vit_tiny": 1.1}
    records = [record for name, scale in times.items() for record in all_of(subject(name, "random"), scale=scale)]
    (chart,) = published_scatters(Comparison(tuple(records)))
    assert chart.title == chart.metric == "mask AP on COCO from a detector's boxes"
    assert chart.note.startswith("TinySAM README: COCO val2017")
    assert "one mask" in chart.note
    points = {point.title: point for point in chart.points}
    assert set(points) == {"sam_vit_h", "sam_vit_l", "sam_vit_b", "mobile_sam"}  # no table has HQ-SAM beside them
    assert (points["sam_vit_h"].seconds, points["sam_vit_h"].quality) == pytest.approx((11.25, 0.465))
    assert points["mobile_sam"].quality == points["sam_vit_b"].quality
    assert all(point.low == point.high == point.quality for point in chart.points)
    assert 0 < chart.origin < points["sam_vit_b"].quality


def test_two_published_points_are_no_chart():
    records = [record for name in ("sam_vit_h", "sam_vit_l") for record in all_of(subject(name, "random"))]
    assert published_scatters(Comparison(tuple(records))) == []


def test_bars_are_shares_of_the_whole():
    click, everything = bars(comparison())
    mobile = next(bar for bar in click.bars if bar.title == "mobile_sam")
    assert [part.share for part in mobile.parts] == pytest.approx([0.8, 0.2])
    assert mobile.total == "1.25 s"
    assert [part.share for part in everything.bars[1].parts] == pytest.approx([1 / 8, 7 / 8])
