"""Naming the fastest and the best, where nothing meets what was asked for."""

from __future__ import annotations

from samara.checkpoints.catalogue import find
from samara.recommendation.estimates import Needs
from samara.recommendation.extremes import Contender, fastest_and_best
from samara.recommendation.rules import Candidate
from samara.recommendation.statement import Statement


def contender(name, time, quality):
    needs = Needs(Statement(1e9, "published", ""), Statement(time, "published", ""), {})
    known = None if quality is None else Statement(quality, "published", "")
    return Contender(Candidate(find(name), False, needs), known)


def test_the_fastest_and_the_best_are_named():
    found = [contender("sam_vit_h", 9, 1.0), contender("mobile_sam", 0.9, 0.88), contender("sam_vit_b", 3, 0.91)]
    assert fastest_and_best(found) == (
        "the fastest is mobile_sam (0.9 s, quality 0.88), the best sam_vit_h (9 s, quality 1.00)"
    )


def test_one_may_be_both():
    assert fastest_and_best([contender("mobile_sam", 0.9, 0.88)]) == (
        "the fastest and the best is mobile_sam (0.9 s, quality 0.88)"
    )


def test_of_equally_good_ones_the_faster_is_the_best():
    found = [contender("sam_vit_h", 9, 1.0), contender("sam_vit_l", 5, 1.0), contender("fastsam_s", 1, None)]
    assert fastest_and_best(found) == (
        "the fastest is fastsam_s (1 s, quality unknown), the best sam_vit_l (5 s, quality 1.00)"
    )


def test_an_unknown_quality_is_never_the_best():
    assert fastest_and_best([contender("fastsam_s", 1, None)]) == "the fastest is fastsam_s (1 s, quality unknown)"
