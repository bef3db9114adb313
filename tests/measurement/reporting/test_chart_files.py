"""Charts as files: an SVG and a PDF of the same drawing, under plain names."""

from __future__ import annotations

from functools import partial
from xml.etree import ElementTree

import pytest

from samara.measurement.reporting.chart_files import Drawing, plain_name, write_charts
from samara.measurement.reporting.drawing import bare_axes


def draw(text):
    axes = bare_axes(200, 100, left=10, right=10, top=10, bottom=20)
    axes.text(0.5, 0.5, text, gid="tip_0")
    return axes


def test_a_chart_is_an_svg_and_a_pdf(tmp_path):
    svg, pdf = write_charts(tmp_path / "new", [Drawing("a", "a chart", partial(draw, "words"), ["a tip"])])
    assert (svg.name, pdf.name) == ("a.svg", "a.pdf")
    root = ElementTree.parse(svg).getroot()
    assert root.attrib["aria-label"] == "a chart"
    assert "a tip" in svg.read_text()
    assert pdf.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("text", "name"), [("My Cells", "my-cells"), ("../../etc", "etc"), ("\N{GREEK SMALL LETTER PI}", "images")]
)
def test_names_are_plain(text, name):
    assert plain_name(text) == name
