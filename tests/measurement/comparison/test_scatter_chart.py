"""Scatters: places follow numbers, the front is the front, names do not touch."""

from __future__ import annotations

import re
from itertools import combinations
from xml.etree import ElementTree

from samara.measurement.comparison.charts import Point, Scatter
from samara.measurement.comparison.scatter_chart import HEIGHT, WIDTH, drawn_axes, scatter_svg
from samara.measurement.reporting.drawing import ACCENT, drawn_alike

SVG = "{http://www.w3.org/2000/svg}"


def scatter(*numbers):
    points = tuple(
        Point(title, seconds, quality, quality - 0.05, quality + 0.05) for title, seconds, quality in numbers
    )
    return Scatter("natural", "centre click, IoU", "", "Chip One", points, origin=0.0)


def names(axes):
    return {text.get_text(): text.get_window_extent() for text in axes.texts}


def test_the_front_is_what_is_not_beaten():
    with drawn_alike():
        axes = drawn_axes(scatter(("fast", 1.0, 0.4), ("good", 2.0, 0.6), ("beaten", 3.0, 0.5)))
    front, *points = axes.lines
    assert front.get_xydata().tolist() == [[1.0, 0.4], [2.0, 0.6]]
    assert [point.get_markerfacecolor() == ACCENT for point in points] == [True, True, False]
    assert axes.get_xscale() == "log"


def test_everything_lies_inside_and_names_do_not_touch():
    numbers = [(f"checkpoint_{index}", 1 + index / 100, 0.5) for index in range(6)]
    with drawn_alike():
        axes = drawn_axes(scatter(*numbers))
        boxes = names(axes)
    assert len(boxes) == len(numbers)
    for box in boxes.values():
        assert 0 <= box.x0 <= box.x1 <= WIDTH
        assert 0 <= box.y0 <= box.y1 <= HEIGHT
    for one, other in combinations(boxes, 2):
        assert not boxes[one].overlaps(boxes[other]), f"{one} lies on {other}"


def test_what_finds_no_room_is_named_all_the_same():
    numbers = [(f"checkpoint number {index}", 1.0, 0.5) for index in range(60)]
    with drawn_alike():
        assert len(names(drawn_axes(scatter(*numbers)))) == 60


def test_it_says_the_numbers():
    root = ElementTree.fromstring(scatter_svg(scatter(("a <b>", 11.25, 0.465), ("good", 2.0, 0.6))))
    assert "a <b>: 11.2 s, 0.465" in [element.text for element in root.iter(f"{SVG}title")]
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert {"1 s", "3 s", "10 s", "30 s", "0.4", "0.6", "a <b>", "good"} <= set(texts)


def test_a_range_of_many_decades_has_few_ticks():
    texts = re.findall(r">([^<>]+ m?s)<", scatter_svg(scatter(("a", 0.01, 0.4), ("b", 100.0, 0.6))))
    assert texts == ["10 ms", "100 ms", "1 s", "10 s", "100 s"]
