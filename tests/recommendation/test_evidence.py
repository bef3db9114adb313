"""Which measurements count: not those of a toy, of other images, or of two data sets at once."""

from __future__ import annotations

import pytest

from samara.measurement.records.records import Interval
from samara.recommendation.evidence import MIN_IMAGES, MIN_OBJECTS, RULE, WIDEST_INTERVAL, counts, evidence_for
from samara.recommendation.recommend import recommend
from tests.recommendation.samples import record


def wide(width):
    return Interval(low=0.7 - width / 2, high=0.7 + width / 2, kind="95 % bootstrap")


def test_enough_objects_in_enough_images_with_a_narrow_interval_count():
    assert counts(record(n=MIN_OBJECTS, images=MIN_IMAGES, interval=wide(WIDEST_INTERVAL - 0.001)))


@pytest.mark.parametrize(
    "lacking",
    [
        {"n": MIN_OBJECTS - 1},
        {"images": MIN_IMAGES - 1},
        {"images": None},
        {"interval": wide(WIDEST_INTERVAL + 0.01)},
        {"interval": None},
        {"weights": "random"},
        {"source": "coco"},
        {"metric": "encode_seconds"},
        {"value": None, "status": "failed", "note": "out of memory"},
    ],
    ids=str,
)
def test_anything_less_does_not(lacking):
    assert not counts(record(**lacking))


def test_the_rule_has_its_numbers():
    assert all(f"{number:g}" in RULE for number in (MIN_OBJECTS, MIN_IMAGES, WIDEST_INTERVAL))


def test_only_one_data_set_and_one_metric_are_compared():
    """Of two data sets, the one with more checkpoints: 0.9 on easy images is not better than 0.8 on hard ones."""
    hard = [record(name, value=0.8, settings={"ground_truth": "a"}) for name in ("sam_vit_b", "mobile_sam")]
    easy = record("samara_mini", value=0.9, settings={"ground_truth": "b"}, when="2026-11-25T12:00:00+00:00")
    other = record("tinysam", metric="jittered_box_iou", value=0.9)
    found = evidence_for([*hard, easy, other], "box", "natural")
    assert (found.metric, set(found.records)) == ("box_iou", {"sam_vit_b", "mobile_sam"})


def test_the_requested_domain_comes_before_an_unnamed_one():
    named, unnamed = record(domain="medical", value=0.5), record(domain="all", value=0.9, job="b")
    assert evidence_for([named, unnamed], "box", "medical").records["sam_vit_b"].value == 0.5
    assert evidence_for([named], "box", "natural") is None
    assert evidence_for([], "box", "natural") is None
    assert evidence_for([named], "classes", "medical") is None


def test_a_toy_comparison_does_not_turn_the_advice_over():
    """Four images on which the small checkpoint did well by chance."""
    toy = [
        record(name, metric, value, n=11, images=4, interval=wide(0.3), job=f"{name}{metric}")
        for name, value in (("samara_mini", 0.97), ("mobile_sam", 0.5))
        for metric in ("box_iou", "centre_click_iou")
    ]
    asked = {"ram_gb": 16, "at_hand": {"samara_mini"}}
    before, after = recommend(**asked, records=[]), recommend(**asked, records=toy)
    assert [one.name for one in after.ranking] == [one.name for one in before.ranking]
    assert [one.quality for one in after.ranking] == [one.quality for one in before.ranking]
    (note,) = (note for note in after.notes if "does not count" in note)
    assert note.startswith("The measured quality of samara_mini, mobile_sam does not count: a measurement counts with")
    assert len(after.measured) == 4
