"""Charts with a row per checkpoint: places follow numbers, the smallest is first, any number stays legible."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.row_chart import NARROW, WIDE, memory_charts, row_chart_svg, time_charts
from tests.measurement.comparison.samples import HOSTILE, all_of, comparison, number, subject


def detector(name, seconds):
    variant = name.replace("-", "_")
    return [number(subject(name, "random", variant=variant), "everything_seconds", seconds)]


def test_each_place_has_a_chart_with_the_quickest_first():
    first, second = time_charts(comparison())
    assert (first.place, second.place) == ("Chip One, 2 cores, CPU", "NVIDIA X9")
    assert first.lines[0].title == "mobile_sam"
    mobile = first.lines[0]
    assert mobile.values == (0.25, 1.25, 8.0)


def test_the_axis_is_logarithmic():
    svg = row_chart_svg(time_charts(comparison())[0])
    grid = {text: float(x) for x, text in re.findall(r'x="([\d.]+)" y="[\d.]+">([\d.,]+ m?s)</text>', svg)}
    assert [text for text in grid if grid[text] < 620] == ["100 ms", "1 s", "10 s", "100 s"]
    one_more, click = points(svg)[:2]
    assert click - one_more == pytest.approx((grid["1 s"] - grid["100 ms"]) * 0.69897, rel=1e-3)


def points(svg):
    """Places of the marks on the axis, row by row."""
    return [float(x) for x in re.findall(r'<use xlink:href="[^"]*" x="([\d.]+)"', svg)]


def test_what_looks_once_has_everything_and_the_click_that_chooses():
    records = [*detector("fastsam_s", 0.5), *detector("yolo11n-seg", 0.1), *all_of(subject("mobile_sam"))]
    (chart,) = time_charts(Comparison(tuple(records)))
    assert [(line.title, [work for work, value in enumerate(line.values) if value]) for line in chart.lines] == [
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
    heights = re.findall(r'x="0" y="([\d.]+)"', row_chart_svg(chart))
    assert all(float(after) - float(before) >= 20 for before, after in pairwise(heights))


def test_without_times_there_is_no_chart():
    assert time_charts(Comparison((number(subject("a"), "parameters", 1),))) == []


def test_the_drawing_is_a_file_of_its_own():
    svg = row_chart_svg(time_charts(comparison())[0], standalone=True)
    root = ElementTree.fromstring(svg)
    assert root.attrib["viewBox"].startswith(f"0 0 {WIDE.width:g}")
    assert HOSTILE not in svg
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "mobile_sam" in texts
    assert "sam_vit_b, Chip One, 2 co… *" in texts
    assert "prefers-color-scheme: dark" in svg


def test_a_narrow_chart_shows_the_leading_number_alone():
    (chart, *_) = time_charts(comparison())
    svg = row_chart_svg(chart, NARROW)
    assert "1.25 s" in svg
    assert "250 ms" not in svg
    assert "250 ms" in row_chart_svg(chart, WIDE)
    assert chart.legend == {"one more click": "third", "image and click": "accent", "everything": "second"}


def test_memory_is_that_of_the_process_or_of_the_gpu():
    cpu, gpu = memory_charts(comparison())
    assert {line.title: line.values[0] for line in cpu.lines}["mobile_sam"] == 1e9
    (line,) = gpu.lines
    assert line.values == (2.5e9, None, None)
    assert "2.50 GB" in row_chart_svg(gpu, NARROW)
