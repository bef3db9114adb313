"""What an evaluation can be told."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from samara.errors import SettingsError
from samara.images.settings import ImageReading
from samara.measurement.evaluation.protocols import NEEDS
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.measurement.records.metrics import MEASURES, METRICS, METRICS_OF


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"measures": ("beauty",)}, "'beauty' cannot be measured; choose from centre_click"),
        ({"measures": ()}, "nothing cannot be measured"),
        ({"objects": 0}, "objects is 0"),
        ({"images": -1}, "images is -1"),
        ({"points_per_side": 0}, "points_per_side is 0"),
        ({"failures": -1}, "failures is -1"),
    ],
)
def test_nonsense_is_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        EvaluationSettings(**changes)


def test_every_measure_has_its_metrics_and_needs():
    assert set(MEASURES) == set(NEEDS) == set(METRICS_OF)
    quality = [metric.name for metric in METRICS.values() if metric.group == "quality"]
    assert sorted(metric for metrics in METRICS_OF.values() for metric in metrics) == sorted(quality)


def test_settings_survive_json_but_for_what_is_only_shown():
    settings = EvaluationSettings(
        objects=None, measures=("box",), seed=4, failures=9, reading=ImageReading((0, 4095), 1)
    )
    facts = json.loads(json.dumps(settings.as_json() | {"ground_truth": "ab"}))
    assert EvaluationSettings.from_json(facts) == replace(settings, failures=EvaluationSettings().failures)
    # Records made before images could be read in another way keep their identity.
    assert not {"value_range", "frame", "reading"} & EvaluationSettings().as_json().keys()
