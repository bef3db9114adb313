"""The page: complete in itself and escaped; tests/docs/test_pages.py lays it out in a browser."""

from __future__ import annotations

import html
import re
import sys
from html.parser import HTMLParser

import pytest

from samara.errors import MissingExtra
from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.page import comparison_page, machine_facts, require_page, write_comparison_page
from samara.measurement.comparison.panels import Panel, PanelRow
from samara.measurement.comparison.ratio_table import versus
from samara.measurement.comparison.tables import tables
from tests.measurement.comparison.samples import HOSTILE, comparison, number, subject


@pytest.fixture(scope="module")
def page():
    shown = comparison()
    images = [PanelRow("cells: a.png", (Panel("asked", "", "data:image/jpeg;base64,AAAA"),))]
    return comparison_page(shown, [*tables(shown), *versus(shown)], images, "The <machine> was busy.")


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_it_asks_the_network_for_nothing_and_runs_nothing(page):
    elements = Elements(page)
    assert elements.open == []
    for tag, attributes in elements.found:
        assert tag not in ("script", "iframe", "link", "object", "embed")
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("src", "data:").startswith("data:")
        assert attributes.get("href", "#").startswith(("#", "https://"))
    assert "url(" not in page
    assert "@import" not in page


def test_names_are_text(page):
    assert "<script>" not in page
    assert HOSTILE not in page
    assert html.escape("<script>alert(1)</script>") in page
    assert "The &lt;machine&gt; was busy." in page


def test_links_within_lead_somewhere(page):
    elements = Elements(page).found
    ids = {attributes["id"] for _, attributes in elements if "id" in attributes}
    targets = {attributes["href"][1:] for _, attributes in elements if attributes.get("href", "").startswith("#")}
    assert targets <= ids


def test_it_says_what_was_measured_where_and_what_was_not(page):
    text = re.sub(r"\s+", " ", html.unescape(re.sub("<[^>]*>", " ", page)))
    assert "Chip One, 2 cores" in text
    assert "NVIDIA X9" in text
    assert "random weights have no quality" in text
    assert "13.2× ✗" in text
    assert text.count("random weights") > 4


def test_one_number_is_enough_for_a_page():
    shown = Comparison((number(subject("a", precision="float16"), "parameters", 5),))
    text = comparison_page(shown, tables(shown))
    assert Elements(text).open == []
    assert "tradeoff" not in text
    assert "No quality was measured here" in text


def test_machines_are_described_by_their_own_records():
    shown = comparison()
    first, second = (machine_facts(shown, place).facts for place in shown.places)
    assert first["processor"] == "Chip One, 2 cores"
    assert first["grid of everything"] == "16 × 16"
    assert first["memory"] == "8.00 GB"
    assert second["GPUs"] == "NVIDIA X9"
    assert "memory" not in second


@pytest.mark.parametrize("library", ["jinja2", "matplotlib"])
def test_what_it_needs_is_said_before_the_work(monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=r"samara\[report\]"):
        require_page()


def test_it_is_written_whole(tmp_path):
    shown = comparison()
    write_comparison_page(tmp_path / "p.html", shown, tables(shown))
    assert (tmp_path / "p.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
