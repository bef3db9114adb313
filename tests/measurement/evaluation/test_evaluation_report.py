"""What an evaluation is called."""

from __future__ import annotations

import pytest

from samara.measurement.evaluation.evaluation_report import EvaluationReport
from samara.measurement.evaluation.settings import EvaluationSettings
from tests.measurement.comparison.samples import number, subject


@pytest.mark.parametrize(("domain", "title"), [("all", "mine"), ("cells", "mine on cells images")])
def test_it_is_called_by_checkpoint_and_kind_of_images(domain, title, tmp_path):
    records = [number(subject("mine"), "box_iou", 0.5, domain=domain)]
    assert EvaluationReport(records, [], [], [], EvaluationSettings(), tmp_path).title == title
