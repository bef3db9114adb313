"""The chart of times: places follow numbers, the quickest is first, and any number of checkpoints stays legible."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.time_chart import AXIS_LEFT, AXIS_RIGHT, WIDTH, time_chart_svg, time_charts
from tests.measurement.comparison.samples import HOSTILE, all_of, comparison, number, subject


def detector(name, seconds):
    variant = name.replace("-", "_")
    return [number(subject(name, "random", variant=variant), "everything_seconds", seconds)]


def test_each_place_has_a_chart_with_the_quickest_first():
    first, second = time_charts(comparison())
    assert (first.place, second.place) == ("Chip One, 2 cores, CPU", "NVIDIA X9")
    assert first.lines[0].title == "mobile_sam"
    mobile = first.lines[0]
    assert [mark.text for mark in mobile.marks] == ["250 ms", "1.25 s", "8.00 s"]
    one_more, click, everything = mobile.marks
    assert AXIS_LEFT <= one_more.x < click.x < everything.x <= AXIS_RIGHT
    assert [line.text for line in first.grid] == ["100 ms", "1 s", "10 s", "100 s"]
    # A logarithm: equal ratios are equally far.
    assert click.x - one_more.x == pytest.approx((first.grid[1].x - first.grid[0].x) * 0.69897, rel=1e-3)


def test_what_looks_once_has_everything_and_the_click_that_chooses():
    records = [*detector("fastsam_s", 0.5), *detector("yolo11n-seg", 0.1), *all_of(subject("mobile_sam"))]
    (chart,) = time_charts(Comparison(tuple(records)))
    assert [(line.title, [mark.work for mark in line.marks]) for line in chart.lines] == [
        ("yolo11n-seg", [2]),
        ("fastsam_s", [1, 2]),
        ("mobile_sam", [0, 1, 2]),
    ]


def test_thirty_checkpoints_do_not_touch():
    records = [
        record for place in range(30) for record in all_of(subject(f"checkpoint number {place}"), scale=1.1**place)
    ]
    (chart,) = time_charts(Comparison(tuple(records)))
    assert len(chart.lines) == 30
    assert all(after.y - before.y >= 20 for before, after in pairwise(chart.lines))
    assert chart.lines[-1].y < chart.height - 20


def test_without_times_there_is_no_chart():
    assert time_charts(Comparison((number(subject("a"), "parameters", 1),))) == []


def test_the_drawing_is_a_file_of_its_own():
    svg = time_chart_svg(time_charts(comparison())[0])
    root = ElementTree.fromstring(svg)
    assert root.attrib["viewBox"].startswith(f"0 0 {WIDTH:g}")
    assert HOSTILE not in svg
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "mobile_sam" in texts
    assert "sam_vit_b, Chip One, 2 co… *" in texts
    assert "prefers-color-scheme: dark" in svg
