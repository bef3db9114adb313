"""Charts: places follow numbers, the front is the front, what has no quality is not drawn."""

from __future__ import annotations

from itertools import combinations

import pytest

from samara.measurement.comparison.charts import HEIGHT, WIDTH, bars, not_drawn, published_scatters, scatters, shortened
from samara.measurement.comparison.comparison import Comparison
from tests.measurement.comparison.samples import all_of, comparison, subject


def test_points_without_quality_are_listed_and_not_drawn():
    natural, medical = scatters(comparison())
    assert (natural.title, medical.title) == ("natural", "medical")
    assert len(natural.points) == 2
    assert [title for title in not_drawn(comparison()) if "sam_vit_b" in title] == not_drawn(comparison())
    assert len(not_drawn(comparison())) == 2


def test_the_front_is_what_is_not_beaten():
    made = [("fast", 1.0, 0.4), ("good", 2.0, 0.6), ("beaten", 3.0, 0.5)]
    records = [record for name, scale, iou in made for record in all_of(subject(name), scale=scale, iou=iou)]
    chart = scatters(Comparison(tuple(records)))[0]
    assert [point.on_front for point in chart.points] == [True, True, False]
    assert len(chart.front.split()) == 2
    fast, good, beaten = chart.points
    assert fast.x < good.x < beaten.x
    assert fast.y > beaten.y > good.y  # SVG counts downwards
    assert good.high_y < good.y < good.low_y


def test_everything_lies_inside_and_names_do_not_touch():
    records = [
        record
        for index in range(6)
        for record in all_of(subject(f"checkpoint_{index}"), scale=1 + index / 100, iou=0.5)
    ]
    chart = scatters(Comparison(tuple(records)))[0]
    for point in chart.points:
        assert 0 <= point.x <= WIDTH
        assert 0 <= point.high_y <= point.low_y <= HEIGHT
        assert 0 <= point.label_x <= WIDTH
    for one, other in combinations(chart.points, 2):
        apart = abs(one.label_y - other.label_y) >= 12 or abs(one.label_x - other.label_x) >= 7 * len(one.title)
        assert apart, f"{one.title} lies on {other.title}"


def test_published_quality_is_of_one_table_and_meets_the_measured_time():
    times = {"sam_vit_h": 9.0, "sam_vit_l": 5.0, "sam_vit_b": 2.0, "mobile_sam": 1.0, "sam_hq_vit_tiny": 1.1}
    records = [record for name, scale in times.items() for record in all_of(subject(name, "random"), scale=scale)]
    (chart,) = published_scatters(Comparison(tuple(records)))
    assert chart.title == "mask AP on COCO from a detector's boxes"
    assert chart.note.startswith("TinySAM README: COCO val2017")
    assert "one mask" in chart.note
    points = {point.title: point for point in chart.points}
    assert set(points) == {"sam_vit_h", "sam_vit_l", "sam_vit_b", "mobile_sam"}  # no table has HQ-SAM beside them
    assert points["sam_vit_h"].tip == "sam_vit_h: 11.2 s, 0.465"
    assert points["sam_vit_h"].y < points["sam_vit_l"].y < points["mobile_sam"].y == points["sam_vit_b"].y
    assert not points["sam_vit_b"].on_front  # as good as mobile_sam, and slower
    assert all(point.low_y == point.high_y == point.y for point in chart.points)


def test_two_published_points_are_no_chart():
    records = [record for name in ("sam_vit_h", "sam_vit_l") for record in all_of(subject(name, "random"))]
    assert published_scatters(Comparison(tuple(records))) == []


def test_long_names_are_shortened():
    assert shortened("a" * 24) == "a" * 24
    assert shortened("a" * 25) == "a" * 23 + "…"


def test_bars_are_shares_of_the_whole():
    click, everything = bars(comparison())
    mobile = next(bar for bar in click.bars if bar.title == "mobile_sam")
    assert [part.share for part in mobile.parts] == pytest.approx([0.8, 0.2])
    assert mobile.total == "1.25 s"
    assert [part.share for part in everything.bars[1].parts] == pytest.approx([1 / 8, 7 / 8])
