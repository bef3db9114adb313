"""The page of an evaluation: complete in itself and escaped; tests/docs/test_pages.py lays it out in a browser."""

from __future__ import annotations

import html
import re
import sys
from dataclasses import replace

import pytest

import samara
from samara import EvaluationSettings
from samara.errors import MissingExtra
from samara.measurement.evaluation.evaluation_report import EvaluationReport
from samara.measurement.evaluation.page import evaluation_page, require_evaluation_page
from tests.finetuning.conftest import make_tiny
from tests.measurement.comparison.samples import HOSTILE
from tests.measurement.comparison.test_page import Elements
from tests.measurement.evaluation.conftest import write_coco

SETTINGS = EvaluationSettings(objects=2, points_per_side=2, everything_images=1, failures=1)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    coco = write_coco(tmp_path_factory.mktemp("drawn"))
    tiny = make_tiny()
    trained = replace(tiny, provenance=replace(tiny.provenance, name=HOSTILE, weights="file"))
    found = samara.evaluate(coco, coco.parent / "images", trained, settings=SETTINGS, domain="drawn")
    return evaluation_page(EvaluationReport(found.records, found.scores, found.failures, found.best, SETTINGS, coco))


def test_it_asks_the_network_for_nothing_and_runs_nothing(page):
    elements = Elements(page)
    assert elements.open == []
    for tag, attributes in elements.found:
        assert tag not in ("script", "iframe", "link", "object", "embed")
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("src", "data:").startswith("data:")
    assert "url(" not in page


def test_names_are_text(page):
    assert "<script>" not in page
    assert html.escape("<script>alert(1)</script>") in page


def test_it_shows_means_sources_curves_and_answers(page):
    text = re.sub(r"\s+", " ", html.unescape(re.sub("<[^>]*>", " ", page)))
    for part in (
        "box, IoU",
        "Worst answers",
        "Best answers",
        "everything, AR@1000, 2 × 2 points",
        "of 2 sources (a, b)",
    ):
        assert part in text
    assert page.count("<svg") == 3
    assert page.count("data:image/jpeg") == 2 * 4


@pytest.mark.parametrize("library", ["jinja2", "matplotlib"])
def test_what_it_needs_is_said(monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=r"samara\[report\]"):
        require_evaluation_page()
