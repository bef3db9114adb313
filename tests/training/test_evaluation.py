"""The measures against brute force, and baselines whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.conftest import write_source
from training.answers import BoxAsMask, Classical
from training.evaluation import RECALL_THRESHOLDS, automatic_recall, evaluation_pictures, prompted


@pytest.fixture
def folder(tmp_path):
    write_source(tmp_path / "drawn", 4)
    return tmp_path / "drawn"


def test_rectangles_are_their_boxes(folder):
    pictures = evaluation_pictures(folder, 2)
    assert [picture.source for picture in pictures] == ["drawn"] * 4
    assert {len(picture.rles) for picture in pictures} == {2}
    scores = prompted(BoxAsMask(), pictures, lambda line: None)
    assert scores["box"]["drawn"].mean == 1.0
    assert (scores["box"]["drawn"].pictures, scores["box"]["drawn"].objects) == (4, 8)
    assert 0 < scores["click"]["drawn"].low <= scores["click"]["drawn"].mean <= scores["click"]["drawn"].high < 1


def test_even_colours_are_found_without_learning(folder):
    scores = prompted(Classical(), evaluation_pictures(folder, 3), lambda line: None)
    assert scores["click"]["drawn"].mean > 0.95
    assert scores["box"]["drawn"].mean > 0.9


def test_the_interval_is_that_of_pictures(folder):
    """A network that is right on half of the pictures: four objects of one picture are no four pictures."""

    class Half(BoxAsMask):
        def from_boxes(self, picture, boxes_xyxy):
            right = super().from_boxes(picture, boxes_xyxy)
            return right if picture[0, 0, 0] % 2 else np.zeros_like(right)

    score = prompted(Half(), evaluation_pictures(folder, 3), lambda line: None)["box"]["drawn"]
    assert score.low <= score.mean <= score.high
    assert score.high - score.low > 0.4 or score.mean in (0.0, 1.0)


def test_recall_counts_ground_truth_that_some_mask_meets(mini, folder):
    pictures = evaluation_pictures(folder, 3)
    recall = automatic_recall(mini, pictures, points_per_side=2, pictures_per_source=1)["drawn"]
    assert recall.pictures == 1
    assert recall.objects == 3
    tenths = recall.mean * 3 * len(RECALL_THRESHOLDS)
    assert tenths == pytest.approx(round(tenths))
    assert 0 <= recall.mean <= 1
