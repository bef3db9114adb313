"""The order: demands first, then the score; ties are broken by a rule and told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from samara.checkpoints.catalogue import find
from samara.recommendation.estimates import Needs
from samara.recommendation.ranking import TIE, rank
from samara.recommendation.request import request
from samara.recommendation.rules import Candidate
from samara.recommendation.statement import Statement
from samara.recommendation.tasks import CRITERIA
from tests.recommendation.samples import GPU_24


def candidate(name, time=0.2, memory=2e9, *, at_hand=False):
    needs = Needs(Statement(memory, "published", ""), Statement(time, "published", ""), {})
    return Candidate(find(name), at_hand, needs)


def quality(**values):
    return {name: None if value is None else Statement(value, "published", "") for name, value in values.items()}


def order(candidates, qualities, **asked):
    return rank(candidates, qualities, request(**asked), GPU_24)


def test_nothing_gives_nothing():
    assert order([], {}) == ()


def test_better_masks_at_equal_cost_come_first():
    found = order(
        [candidate("sam_vit_b"), candidate("sam_vit_h")], quality(sam_vit_b=0.9, sam_vit_h=1.0), task="maximum quality"
    )
    assert [one.name for one in found] == ["sam_vit_h", "sam_vit_b"]


def test_scores_are_the_sum_of_their_parts():
    (one,) = order([candidate("sam_vit_l")], quality(sam_vit_l=0.98))
    assert one.score == pytest.approx(sum(part.value * part.weight for part in one.parts), abs=1e-4)
    assert all(0 <= part.value <= 1 for part in one.parts)
    assert {part.criterion for part in one.parts} <= set(CRITERIA)
    assert sum(part.weight for part in one.parts) == pytest.approx(1)


def test_too_little_quality_comes_last_whatever_the_score():
    fast = candidate("samara_mini", 0.01, 1e8, at_hand=True)
    slow = candidate("sam_vit_h", 40.0, 2e10)
    found = order([fast, slow], quality(samara_mini=0.6, sam_vit_h=1.0))
    assert [one.name for one in found] == ["sam_vit_h", "samara_mini"]
    assert found[1].score > found[0].score
    assert found[0].missed == ("40 s, but production requires 5 s",)
    assert found[1].missed == ("quality 0.60 of SAM ViT-H, but production requires 0.8",)


def test_too_slow_comes_after_fast_enough():
    found = order([candidate("sam_vit_h", 6.0), candidate("mobile_sam", 4.9)], quality(sam_vit_h=1.02, mobile_sam=0.81))
    assert [one.name for one in found] == ["mobile_sam", "sam_vit_h"]


def test_unknown_quality_counts_as_too_little_and_says_so():
    found = order([candidate("fastsam_s"), candidate("mobile_sam")], quality(fastsam_s=None, mobile_sam=0.85))
    assert [one.name for one in found] == ["mobile_sam", "fastsam_s"]
    assert found[1].missed == ("its quality relative to SAM is unpublished",)


def test_a_tie_goes_to_the_smaller_file_and_is_told():
    found = order([candidate("sam_vit_h"), candidate("sam_vit_b")], quality(sam_vit_h=1.001, sam_vit_b=1.0))
    assert [one.name for one in found] == ["sam_vit_b", "sam_vit_h"]
    assert 0 < found[1].score - found[0].score < TIE
    assert (found[0].tied_with, found[1].tied_with, found[1].tie_break) == (None, "sam_vit_b", "file")


@pytest.mark.parametrize(
    ("names", "tie_break"),
    [
        (("sam_vit_b", "sam_hq_vit_b"), "evidence"),
        (("yolov8l-seg", "yolov8m-seg"), "name"),
    ],
)
def test_ties_of_equal_files_go_by_evidence_and_then_by_name(names, tie_break):
    alike = [candidate(name) for name in names]
    alike = [replace(one, checkpoint=replace(one.checkpoint, size_bytes=10**8)) for one in alike]
    found = order(alike[::-1], quality(**dict.fromkeys(names, 1.0)), task="maximum quality")
    assert tuple(one.name for one in found) == names
    assert found[1].tie_break == tie_break


def test_the_order_of_the_candidates_does_not_matter():
    candidates = [candidate(name) for name in ("sam_vit_b", "sam_vit_l", "sam_vit_h", "mobile_sam")]
    qualities = quality(sam_vit_b=0.91, sam_vit_l=0.91, sam_vit_h=0.91, mobile_sam=0.91)
    assert [one.name for one in order(candidates, qualities)] == [
        one.name for one in order(candidates[::-1], qualities)
    ]


def test_a_measured_quality_above_the_published_best_is_not_cut_off():
    found = order(
        [candidate("sam_vit_h"), candidate("sam_vit_b")],
        quality(sam_vit_h=1.0, sam_vit_b=1.3),
        task="maximum quality",
    )
    values = [{part.criterion: part.value for part in one.parts}["quality"] for one in found]
    assert [one.name for one in found] == ["sam_vit_b", "sam_vit_h"]
    assert values == pytest.approx([1.0, 0.5])
