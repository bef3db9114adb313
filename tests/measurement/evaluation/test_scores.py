"""Scores of an image: to JSON and back, and the values in them."""

from __future__ import annotations

import pytest

from samara.errors import RecordError
from samara.measurement.evaluation.scores import ImageScores, ObjectScores, ScoredAnswer, values_of
from samara.measurement.records.metrics import METRICS

ANSWER = ScoredAnswer(iou=0.7, boundary_iou=0.4, predicted_iou=1.1, counts="0a;")
IMAGE = ImageScores(
    name="a/ä.png",
    source="s",
    objects=(
        ObjectScores(place=0, answers={"box": ANSWER}, clicks=(0.3, 0.86, 0.5, 0.95)),
        ObjectScores(place=4, answers={"box": ANSWER}, clicks=(0.3,)),
    ),
    everything=(1.0, 0.1, 0.0),
)


def test_scores_survive_json():
    assert ImageScores.from_json(IMAGE.to_json()) == IMAGE
    bare = ImageScores(name="b", source="s", objects=(ObjectScores(place=1, answers={}, clicks=None),), everything=None)
    assert ImageScores.from_json(bare.to_json()) == bare
    for metric in METRICS.values():
        if metric.group == "quality":
            assert values_of(metric.name, bare) == []


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        ("box_iou", [0.7, 0.7]),
        ("box_boundary_iou", [0.4, 0.4]),
        ("centre_click_iou", []),
        ("clicks_to_85", [2.0, 20.0]),
        ("clicks_to_90", [4.0, 20.0]),
        ("not_reached_85", [0.0, 1.0]),
        ("not_reached_90", [0.0, 1.0]),
        ("average_recall", [1.0, 0.1, 0.0]),
    ],
)
def test_every_object_has_its_value(metric, values):
    assert values_of(metric, IMAGE) == values


@pytest.mark.parametrize("line", ["", "{}", "[]", '{"objects": [3], "everything": null}'])
def test_other_lines_are_told(line):
    with pytest.raises(RecordError, match="does not contain scores"):
        ImageScores.from_json(line)
