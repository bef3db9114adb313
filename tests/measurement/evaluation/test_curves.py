"""Curves agree with the means that they explain."""

from __future__ import annotations

import pytest

from samara.measurement.evaluation.curves import click_curves, curve_charts, iou_after, share_curves
from samara.measurement.evaluation.run import averages_of
from samara.measurement.evaluation.scores import ImageScores, ObjectScores, ScoredAnswer
from samara.measurement.evaluation.settings import EvaluationSettings


def clicked(name, *of_objects, source="a"):
    objects = tuple(
        ObjectScores(
            place=place,
            answers={"box": ScoredAnswer(iou=ious[-1], boundary_iou=0.1, predicted_iou=0.5, counts="")},
            clicks=tuple(ious),
        )
        for place, ious in enumerate(of_objects)
    )
    return ImageScores(name=name, source=source, objects=objects, everything=None)


SCORES = [
    clicked("1.png", (0.5, 0.86, 0.91), (0.3,) * 20),
    clicked("2.png", (0.92,)),
    clicked("3.png", (0.2, 0.95), source="b"),
    clicked("4.png", (0.4, 0.6, 0.9), source="b"),
]


def test_an_object_that_was_good_enough_keeps_its_iou():
    one = SCORES[0].objects[0]
    assert [iou_after(one, number) for number in (1, 2, 3, 4, 20)] == [0.5, 0.86, 0.91, 0.91, 0.91]


def test_the_curves_are_means_over_objects_then_sources():
    iou, first, second = click_curves(SCORES, 0)
    assert iou.at == tuple(range(1, 21))
    assert iou.values[0] == pytest.approx(((0.5 + 0.3 + 0.92) / 3 + (0.2 + 0.4) / 2) / 2)
    assert (first.title, second.title) == ("IoU 0.85", "IoU 0.90")
    assert list(first.values) == sorted(first.values)
    assert all(low <= value <= high for low, value, high in zip(iou.low, iou.values, iou.high, strict=True))


def test_the_end_of_a_curve_is_what_was_not_reached():
    numbers = averages_of(SCORES, EvaluationSettings(measures=("clicks",)), {})
    means = {one.metric: one.value for one in numbers if one.source is None}
    _, first, second = click_curves(SCORES, 0)
    assert 1 - first.values[-1] == pytest.approx(means["not_reached_85"])
    assert 1 - second.values[-1] == pytest.approx(means["not_reached_90"])


def test_shares_fall_from_all_to_none():
    (boxes,) = share_curves(SCORES)
    assert boxes.title == "box"
    assert boxes.values[0] == 1.0
    assert boxes.values[boxes.at.index(0.5)] == pytest.approx(4 / 5)
    assert list(boxes.values) == sorted(boxes.values, reverse=True)


def test_what_was_not_measured_has_no_chart():
    assert [chart.name for chart in curve_charts(SCORES, 0)] == ["iou-by-clicks", "good-by-clicks", "objects-by-iou"]
    objects = (ObjectScores(place=0, answers=SCORES[0].objects[0].answers, clicks=None),)
    unclicked = [ImageScores(name="1.png", source="a", objects=objects, everything=None)]
    assert [chart.name for chart in curve_charts(unclicked, 0)] == ["objects-by-iou"]
    assert curve_charts([], 0) == []


def test_one_image_has_no_interval():
    iou, *_ = click_curves(SCORES[:1], 0)
    assert iou.low == iou.high == ()
