"""What needs no learning: right where it must be."""

from __future__ import annotations

import numpy as np
import pytest

from samara.errors import SettingsError
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.segmentation.prompts import Prompt
from tests.training.conftest import write_source
from training.baselines import BASELINES
from training.evaluation import evaluate_domain


def test_even_colours_are_found_without_learning(tmp_path):
    write_source(tmp_path / "drawn", 4)
    settings = EvaluationSettings(measures=("centre_click", "box"))
    scores = evaluate_domain(BASELINES["GrabCut, flood fill"], tmp_path / "drawn", settings)
    assert scores["click"]["drawn"]["mean"] > 0.95
    assert scores["box"]["drawn"]["mean"] > 0.9


@pytest.mark.parametrize("name", BASELINES)
def test_a_box_around_everything_is_everything(name):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    (answer,) = BASELINES[name].answer(image, [Prompt(box=[0, 0, 30, 20])])
    assert answer.rle.area == 600


def test_a_click_gets_a_disc():
    (answer,) = BASELINES["box as mask"].answer(np.zeros((100, 100, 3), np.uint8), [Prompt([50, 40], [1])])
    assert answer.rle.box_xyxy == (45, 35, 56, 46)


def test_a_baseline_finds_nothing_by_itself():
    with pytest.raises(SettingsError, match="finds nothing by itself"):
        BASELINES["box as mask"].everything(np.zeros((4, 4, 3), np.uint8))
