"""Curves as drawn: values at their places, bands where there are intervals, a legend in files."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from samara.measurement.reporting.curve import Curve, CurveChart
from samara.measurement.reporting.curve_chart import curve_chart_axes, curve_chart_svg, description_of
from samara.measurement.reporting.drawing import drawn_alike

CHART = CurveChart(
    "n",
    "Quality",
    "",
    "clicks",
    (
        Curve("mean", (1.0, 2.0, 3.0), (0.2, 0.5, 0.6), (0.1, 0.4, 0.5), (0.3, 0.6, 0.7)),
        Curve("other", (1.0, 2.0, 3.0), (0.1, 0.2, 0.3)),
    ),
)


def test_lines_follow_the_values_and_bands_the_intervals():
    with drawn_alike():
        axes = curve_chart_axes(CHART)
    assert [list(line.get_ydata()) for line in axes.lines] == [[0.2, 0.5, 0.6], [0.1, 0.2, 0.3]]
    (band,) = axes.collections
    assert band.get_paths()[0].get_extents().y1 == pytest.approx(0.7)
    assert len({line.get_linestyle() for line in axes.lines}) == 2
    assert axes.get_legend() is None


def test_a_file_has_its_legend_inside():
    with drawn_alike():
        axes = curve_chart_axes(CHART, with_legend=True)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["mean", "other"]


def test_it_is_an_svg_with_a_description():
    root = ElementTree.fromstring(curve_chart_svg(CHART))
    assert root.attrib["aria-label"] == description_of(CHART) == "Quality: mean, other by clicks"
