"""A domain's folder measured: baselines whose answers are known, and the embedded checkpoint."""

from __future__ import annotations

import pytest

from samara.measurement.evaluation.adapters import model_under_test
from samara.measurement.evaluation.settings import EvaluationSettings
from tests.training.conftest import write_source
from training.baselines import BASELINES
from training.evaluation import evaluate_domain

PROMPTED = ("centre_click", "box")


@pytest.fixture
def folder(tmp_path):
    write_source(tmp_path / "drawn", 4)
    return tmp_path / "drawn"


def test_rectangles_are_their_boxes(folder):
    told = []
    settings = EvaluationSettings(measures=PROMPTED, objects=2)
    scores = evaluate_domain(BASELINES["box as mask"], folder, settings, lambda *step: told.append(step))
    assert told[-1] == ("evaluating", 4, 4)
    assert scores["box"]["drawn"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "images": 4, "objects": 8}
    click = scores["click"]["drawn"]
    assert 0 < click["low"] <= click["mean"] <= click["high"] < 1
    assert "recall" not in scores


def test_recall_is_measured_on_some_images(folder, mini):
    settings = EvaluationSettings(measures=("everything",), everything_images=1, points_per_side=2)
    recall = evaluate_domain(model_under_test(mini, 2), folder, settings)["recall"]["drawn"]
    assert (recall["images"], recall["objects"], recall["low"]) == (1, 3, None)
    assert 0 <= recall["mean"] <= 1
