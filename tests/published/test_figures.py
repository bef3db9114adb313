"""Every figure has a checkpoint, a metric, a source and a plausible value; ours equal our measurements."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean

import pytest

from samara.checkpoints.catalogue import CATALOGUE
from samara.published.figures import FIGURES, NOT_IN_CATALOGUE_YET, published_for
from samara.published.record import METRICS
from samara.published.sources import SOURCES

NAMES = {row.name for row in CATALOGUE}
RESULTS = Path(__file__).parents[2] / "training" / "results" / "samara_mini.json"
FRACTIONS = {"mean_iou", "agreement_iou", "coco_ap", "lvis_ap", "seginw_ap", "average_recall_1000", "dice_gain"}


def test_every_figure_is_about_a_checkpoint_and_has_a_source():
    for figure in FIGURES:
        assert figure.checkpoint in NAMES | NOT_IN_CATALOGUE_YET, figure
        assert figure.metric in METRICS, figure
        assert figure.source in SOURCES, figure


def test_names_are_no_longer_awaited_once_they_are_there():
    assert not NOT_IN_CATALOGUE_YET & NAMES


def test_values_are_in_their_unit():
    for figure in FIGURES:
        assert figure.value > 0, figure
        if figure.metric in FRACTIONS:
            assert figure.value < 1, figure
        if figure.metric.endswith("_bytes"):
            assert 1e6 < figure.value < 1e11, figure
        if METRICS[figure.metric].unit == "s":
            assert 1e-3 < figure.value < 120, figure


def test_nothing_is_said_twice():
    assert len(set(FIGURES)) == len(FIGURES)


def test_speed_and_memory_say_on_what():
    for figure in FIGURES:
        if figure.metric in ("encode_s", "prompt_s", "points_s", "everything_s", "images_per_s", "memory_bytes"):
            assert str(figure.conditions), figure


@pytest.mark.parametrize(
    ("checkpoint", "metric", "source", "values"),
    [
        ("sam_vit_h", "coco_ap", "EdgeSAM README", [0.461]),
        ("sam_vit_b", "images_per_s", "segment-anything-fast", [12.1, 39.8, 85.5, 92.1, 90.3, 81.5, 95.4]),
        ("fastsam_x", "memory_bytes", "FastSAM README", [2_608_000_000]),
        ("yolo11n-seg", "everything_s", "Ultralytics docs 8.3.90", [0.0301]),
        ("sam_vit_l", "file_bytes", None, []),
    ],
)
def test_looking_up(checkpoint, metric, source, values):
    assert [figure.value for figure in published_for(checkpoint, metric, source)] == pytest.approx(values)


def test_looking_up_everything_of_a_checkpoint():
    assert {figure.metric for figure in published_for("sam_vit_h")} >= {"coco_ap", "encode_s", "memory_bytes"}
    assert published_for("no_such") == ()


def test_samara_minis_figures_are_those_measured():
    measured = json.loads(RESULTS.read_text())
    figures = published_for("samara_mini", "mean_iou", "samara_mini card")
    assert len(figures) == 6
    for figure in figures:
        domain = figure.conditions.data.split()[0]
        kind = "click" if "click" in figure.conditions.prompts else "box"
        assert figure.value == round(mean(score["mean"] for score in measured[domain][kind].values()), 3)
