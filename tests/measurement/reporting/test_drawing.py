"""Figures as SVG: text stays text, colours are the page's, the same figure gives the same bytes, names are harmless."""

from __future__ import annotations

from xml.etree import ElementTree

import matplotlib
import pytest

from samara.measurement.reporting.drawing import INK, as_pdf, as_svg, bare_axes, drawn_alike, shortened

SVG = "{http://www.w3.org/2000/svg}"


def draw(text="a", **settings):
    with drawn_alike():
        axes = bare_axes(200, 100, left=10, right=10, top=10, bottom=20)
        axes.plot([1, 2], [3, 4], "o", color=INK, clip_on=False, gid="tip_0")
        axes.text(1.5, 3.5, text, color=INK)
        return as_svg(axes, f"of {text}", [f"tip of {text}"], **settings)


@pytest.mark.parametrize("text", ["plain", "<script>&\"'", "$x_1$ and $", "\N{CJK UNIFIED IDEOGRAPH-4E2D}"])
def test_text_stays_text(text):
    root = ElementTree.fromstring(draw(text))
    assert text in [element.text for element in root.iter(f"{SVG}text")]
    assert [element.text for element in root.iter(f"{SVG}title")] == [f"tip of {text}"]
    assert root.attrib["aria-label"] == f"of {text}"


def test_the_same_figure_gives_the_same_bytes_whatever_the_settings():
    first = draw()
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": None, "figure.dpi": 300}):
        assert draw() == first


def test_it_fits_into_a_page():
    svg = draw()
    assert svg.startswith("<svg ")
    assert 'viewBox="0 0 200 100"' in svg
    assert "var(--ink)" in svg
    assert INK not in svg
    assert "url(" not in svg
    assert "<style" not in svg


def test_a_file_of_its_own_has_colours_for_light_and_dark():
    svg = draw(standalone=True)
    ElementTree.fromstring(svg)
    assert f"--ink: {INK}" in svg
    assert "prefers-color-scheme: dark" in svg


def test_long_names_are_shortened():
    assert shortened("a" * 24) == "a" * 24
    assert shortened("a" * 25) == "a" * 23 + "…"


def test_a_pdf_has_the_same_bytes_and_embeds_its_fonts():
    def write():
        with drawn_alike():
            axes = bare_axes(200, 100, left=10, right=10, top=10, bottom=20)
            axes.text(1, 1, "abc")
            return as_pdf(axes)

    first = write()
    assert first.startswith(b"%PDF")
    assert b"/Subtype /Type3" not in first
    assert write() == first
