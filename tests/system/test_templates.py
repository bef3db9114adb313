"""Templates escape what they show, and miss nothing silently."""

from __future__ import annotations

import itertools

import jinja2
import pytest

from samara.errors import MissingExtra
from samara.system.templates import PALETTE, template


def test_a_missing_value_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        template("measurement/comparison/comparison.html.j2").render()


def test_without_jinja_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(MissingExtra, match=r"samara\[report\]"):
        template("measurement/comparison/comparison.html.j2")


def luminance(colour):
    """Relative luminance of WCAG 2.2."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first, second):
    dark, light = sorted(map(luminance, (first, second)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("place", [0, 1], ids=["light", "dark"])
def test_text_can_be_read_on_what_it_is_written_on(place):
    texts, papers = ("ink", "quiet", "accent", "second", "third", "up", "down"), ("paper", "card")
    for text, paper in [*itertools.product(texts, papers), ("mark-ink", "mark")]:
        assert contrast(PALETTE[text][place], PALETTE[paper][place]) >= 4.5, f"{text} on {paper}"


def test_colours_are_told_apart_by_their_light_value():
    """A figure is drawn in these, and each is replaced by its name."""
    assert len({light for light, _ in PALETTE.values()}) == len(PALETTE)
