"""Paired differences: of the same objects, in both directions, with an interval that pairing makes narrow."""

from __future__ import annotations

import numpy as np
import pytest

from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.differences import difference_table, differences, paired_difference, turned
from samara.measurement.comparison.score_files import score_files
from samara.measurement.evaluation.averages import average
from samara.measurement.evaluation.scores import ImageScores, ObjectScores, ScoredAnswer
from tests.measurement.comparison.samples import number, subject


def image(name, ious, source="a", places=None):
    answers = [{"box": ScoredAnswer(iou=float(iou), boundary_iou=0.5, predicted_iou=0.5, counts="")} for iou in ious]
    objects = tuple(
        ObjectScores(place=place, answers=answer, clicks=None)
        for place, answer in zip(places or range(len(ious)), answers, strict=True)
    )
    return ImageScores(name=name, source=source, objects=objects, everything=None)


def hard_and_easy(shift):
    """Ten images from very hard to very easy; a checkpoint that is better by `shift` everywhere."""
    noise = np.random.default_rng(0).normal(0, 0.005, 20)
    return [
        image(f"{place}.png", [0.1 + 0.08 * place + shift * (1 + noise[place]), 0.1 + 0.08 * place + shift])
        for place in range(10)
    ]


def by_name(scores):
    return {one.name: one for one in scores}


def test_pairing_tells_apart_what_two_intervals_do_not():
    better, worse = hard_and_easy(0.02), hard_and_easy(0.0)
    mean = paired_difference("box_iou", by_name(better), by_name(worse))
    assert mean.value == pytest.approx(0.02, rel=0.01)
    assert 0.015 < mean.interval.low <= mean.interval.high < 0.025
    assert (mean.objects, mean.images) == (20, 10)
    alone = [
        average({"a": [[one.answers["box"].iou for one in of.objects] for of in scores]}, 0)[None].interval
        for scores in (better, worse)
    ]
    assert alone[0].low < alone[1].high  # the single intervals overlap widely


def test_only_the_same_objects_count():
    ours, theirs = [image("1.png", [0.5, 0.7]), image("2.png", [0.4])], [image("1.png", [0.4, 0.4])]
    mean = paired_difference("box_iou", by_name(ours), by_name(theirs))
    assert (mean.value, mean.objects, mean.interval) == (pytest.approx(0.2), 2, None)
    others = [image("1.png", [0.4, 0.4], places=[0, 2])]
    assert paired_difference("box_iou", by_name(ours), by_name(others)) is None
    assert paired_difference("centre_click_iou", by_name(ours), by_name(theirs)) is None


def test_sources_weigh_the_same():
    ours = [*(image(f"{place}.png", [0.6]) for place in range(8)), image("b.png", [0.9], "b")]
    theirs = [*(image(f"{place}.png", [0.5]) for place in range(8)), image("b.png", [0.4], "b")]
    assert paired_difference("box_iou", by_name(ours), by_name(theirs)).value == pytest.approx((0.1 + 0.5) / 2)


@pytest.fixture
def compared(tmp_path):
    """Three checkpoints, two of them with scores of the same ground truth."""
    records = []
    for name, shift, truth in (("good", 0.1, "ff"), ("bad", 0.0, "ff"), ("other", 0.05, "ee")):
        facts = {"domain": "cells", "job": name, "settings": {"ground_truth": truth * 32, "seed": 0}, "n": 20}
        records.append(number(subject(name), "box_iou", 0.5 + shift, **facts))
        lines = "".join(one.to_json() + "\n" for one in hard_and_easy(shift))
        (tmp_path / f"{name}.jsonl").write_text(lines)
    return Comparison(tuple(records)), score_files([tmp_path])


def test_pairs_are_those_that_were_asked_the_same(compared):
    (found,) = differences(*compared)
    assert (found.first, found.second, found.domain, found.metric) == ("good", "bad", "cells", "box_iou")
    assert found.is_told_apart
    assert turned(found).mean.value == -found.mean.value
    assert turned(found).mean.interval.low == -found.mean.interval.high
    assert turned(turned(found)) == found


def test_the_table_sets_the_best_against_the_others(compared):
    comparison, scores = compared
    found = differences(comparison, scores)
    for given in (found, [turned(one) for one in found]):
        table = difference_table(comparison, given)
        (row,) = table.rows
        assert row.heads == ("good − bad", "cells")
        cell = row.cells[0]
        assert cell.text == "+0.100"
        assert cell.low < 0.1 < cell.high
        assert cell.mark == "✓"
        assert row.cells[-1].text == "20"


def test_without_scores_there_is_no_difference(compared, tmp_path):
    comparison, _ = compared
    assert differences(comparison, score_files([tmp_path / "nowhere"])) == []
    assert not difference_table(comparison, []).has_values
