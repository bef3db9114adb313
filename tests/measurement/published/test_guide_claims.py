"""The guide's claims: each about a known checkpoint, each judged, each contradiction with something to show."""

from __future__ import annotations

import math

import pytest

from samara.checkpoints.catalogue import CATALOGUE, find
from samara.measurement.published.figures import FIGURES, NOT_IN_CATALOGUE_YET
from samara.measurement.published.guide_claims import CLAIMS, STATEMENTS, claims_for
from samara.measurement.published.record import PUBLISHED_METRICS
from samara.measurement.published.sources import SOURCES
from samara.networks.variants import VARIANTS

NAMES = {row.name for row in CATALOGUE} | NOT_IN_CATALOGUE_YET


def test_every_claim_is_about_something_known():
    for claim in CLAIMS:
        assert claim.checkpoint in NAMES
        assert claim.metric in PUBLISHED_METRICS
        assert 0 < claim.low <= claim.high
        assert claim.where.startswith("section ")


def test_every_claim_that_does_not_hold_says_why():
    for claim in (*CLAIMS, *STATEMENTS):
        assert (claim.judgement.verdict == "holds") <= (claim.judgement.because == "" or bool(claim.judgement.sources))
        if claim.judgement.verdict != "holds":
            assert len(claim.judgement.because) > 10
        assert set(claim.judgement.sources) <= set(SOURCES)


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.judgement.sources], ids=str)
def test_sources_that_speak_against_a_claim_are_there_and_do(claim):
    metrics = claim.judgement.against or (claim.metric,)
    about = [figure for figure in FIGURES if figure.checkpoint == claim.checkpoint and figure.metric in metrics]
    figures = [figure for figure in about if figure.source in claim.judgement.sources]
    assert figures, "no figure of these sources is about this checkpoint"
    assert any(not 0.97 * claim.low <= figure.value <= 1.03 * claim.high for figure in figures)


def test_sizes_that_hold_are_those_of_the_catalogue():
    for claim in CLAIMS:
        row = find(claim.checkpoint)
        exact = {"file_bytes": row.size_bytes, "parameters": VARIANTS[row.variant].parameters}.get(claim.metric)
        if claim.judgement.verdict == "holds" and exact:
            assert exact == pytest.approx(claim.low, rel=0.02)


def test_counts_called_imprecise_are_the_encoders():
    encoders = {"sam_vit_h": 637_026_048, "sam_vit_l": 308_278_272, "sam_vit_b": 89_670_912}
    claims = [claim for claim in CLAIMS if claim.metric == "parameters" and claim.judgement.verdict == "imprecise"]
    assert {claim.checkpoint for claim in claims} == set(encoders)
    for claim in claims:
        assert claim.low == pytest.approx(encoders[claim.checkpoint], rel=0.02)
        assert claim.low < VARIANTS[find(claim.checkpoint).variant].parameters * 0.995


def test_sizes_called_gib_are_gib():
    for claim in claims_for("sam_vit_h", "file_bytes") + claims_for("sam_vit_l", "file_bytes"):
        gib = find(claim.checkpoint).size_bytes / 2**30
        assert claim.low / 1e9 == pytest.approx(gib, abs=0.05)


def test_sizes_called_mib_are_mib():
    (claim,) = claims_for("yolo11n-seg", "file_bytes")
    assert claim.judgement.verdict == "imprecise"
    assert claim.low / 1e6 == pytest.approx(find("yolo11n-seg").size_bytes / 2**20, abs=0.05)


def test_single_image_throughput_is_the_inverse_of_its_latency():
    for name in ("sam_vit_h", "sam_vit_l", "sam_vit_b"):
        single = claims_for(name, "images_per_second")[0]
        assert single.low == pytest.approx(1 / claims_for(name, "prompt_seconds")[0].low, rel=0.05)


def test_looking_up():
    assert [claim.low for claim in claims_for("sam_vit_h", "memory_bytes")] == [8e9, 4e9, 16e9]
    assert claims_for("samara_mini") == ()
    assert {claim.metric for claim in claims_for("sam_vit_b")} >= {"mean_iou", "prompt_seconds", "everything_seconds"}
    assert claims_for("sam_vit_h", "finetuning_bytes")[1].high == math.inf


def test_a_report_can_show_the_mark_and_the_reason():
    (claim,) = claims_for("sam_vit_b", "mean_iou")[:1]
    assert claim.is_contradicted
    assert claim.as_dict()["unit"] == "fraction"
    assert claim.as_dict()["judgement"]["verdict"] == "contradicted"
