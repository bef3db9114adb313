"""The committed comparison: what is made of its records is up to date, and its page is of these records."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from docs import update_comparison
from docs.update_comparison import CHART, DOCUMENT, FOLDER, committed, texts, updated
from samara.measurement.comparison.compare import PAGE
from samara.measurement.comparison.comparison import Comparison
from samara.measurement.published.guide_claims import GUIDE
from tests.measurement.comparison.samples import GPU, all_of, subject

MAX_BYTES = 3_000_000

# What the brief of this project, "SAM Model Checkpoints Comparison", compares, HQ-SAM from its sources included.
NAMED = {
    *("sam_vit_h", "sam_vit_l", "sam_vit_b", "mobile_sam", "samara_mini"),
    *("sam_hq_vit_h", "sam_hq_vit_l", "sam_hq_vit_b", "sam_hq_vit_tiny"),
    *("fastsam_s", "fastsam_x", "yolov8n-seg", "yolo11n-seg"),
}


REAL = {"samara_mini", "mobile_sam"}
"""Measured with the published weights; the others' files were not at hand."""


@pytest.fixture(scope="module")
def comparison():
    return committed()


def test_what_is_made_of_the_records_is_up_to_date():
    for path, text in texts().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run `make docs`"


def test_the_document_is_up_to_date():
    assert updated(DOCUMENT.read_text()) == DOCUMENT.read_text(), "run `make docs`"


def test_every_system_was_measured(comparison):
    found = {one.checkpoint: one for one in comparison.contenders}
    assert set(found) >= NAMED
    for one in found.values():
        assert one.value("parameters") > 1e6
        assert one.value("encoder_flops") > 1e9
        assert one.value("everything_seconds") or one.value("encode_seconds", batch_size=1)


def test_quality_is_that_of_real_weights_on_three_kinds_of_images(comparison):
    assert comparison.domains == ("natural", "medical", "satellite")
    real = [one for one in comparison.contenders if not one.is_random]
    assert {one.checkpoint for one in real} == REAL
    for one in real:
        for domain in comparison.domains:
            assert 0 < one.value("box_iou", domain=domain) < 1


def test_the_page_is_of_these_records(comparison):
    page = (FOLDER / PAGE).read_text(encoding="utf-8")
    assert len(page.encode()) < MAX_BYTES
    text = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page))
    assert f"{len(comparison.records)} records" in text
    assert comparison.places[0].title in text
    assert all(one.title in text for one in comparison.contenders)
    assert page.count("data:image/jpeg") == 36  # the masks of data sets that are not in this repository
    assert GUIDE in text


def test_the_chart_can_be_drawn():
    names = {element.text for element in ElementTree.parse(CHART).iter("{http://www.w3.org/2000/svg}text")}
    assert {f"{name} *" for name in NAMED - REAL} | REAL <= names


def test_a_gpu_stands_beside_the_processor(comparison, monkeypatch):
    assert "Missing: every number on a GPU" in update_comparison.machines()
    on_gpu = subject("sam_vit_b", "random", "cuda:0", precision="bfloat16")
    both = Comparison((*comparison.records, *all_of(on_gpu, scale=0.01, machine=GPU)))
    monkeypatch.setattr(update_comparison, "committed", lambda: both)
    shown = update_comparison.machines()
    assert "Missing" not in shown
    assert "| checkpoint | number | AMD EPYC, 2 cores, CPU, float32 | NVIDIA X9, bfloat16 |" in shown
    assert "| sam_vit_b\\* | encode | 11.9 s | 10.0 ms (9.00–12.0 ms) |" in shown
    assert "* 1 on NVIDIA X9" in update_comparison.facts()
    assert update_comparison.times().count("`sam_vit_b`") == 1
