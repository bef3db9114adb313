"""Published and claimed values as text."""

from __future__ import annotations

from samara.measurement.published.figures import published_for
from samara.measurement.published.guide_claims import claims_for
from samara.measurement.reporting.beside import NOTHING_BESIDE, PublishedValues


def test_values_are_a_range_with_sources_and_conditions():
    near = PublishedValues(
        figures=published_for("sam_vit_h", "encode_seconds"), claims=claims_for("sam_vit_h", "encode_seconds")
    )
    assert near.published == "150 ms–60 s"
    assert near.claimed == "100 ms"
    assert near.is_contradicted
    assert "SAM FAQ (A100" in near.sources


def test_an_open_end_is_a_plus():
    assert PublishedValues(claims=claims_for("sam_vit_h", "finetuning_bytes")).claimed == "24 GB / 32+ GB"


def test_nothing_is_empty():
    assert not NOTHING_BESIDE.is_contradicted
    assert NOTHING_BESIDE.published == NOTHING_BESIDE.claimed == NOTHING_BESIDE.sources == ""
