"""Every figure has a checkpoint, a metric, a source and a plausible value; ours equal our measurements."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from statistics import mean

import pytest

from samara.checkpoints.catalogue import CATALOGUE
from samara.measurement.published.figures import FIGURES, FINETUNING_FIGURES, NOT_IN_CATALOGUE_YET, published_for
from samara.measurement.published.record import PUBLISHED_METRICS
from samara.measurement.published.sources import SOURCES

NAMES = {row.name for row in CATALOGUE}
FINETUNING = Path(__file__).parents[3] / "benchmarks" / "results" / "finetuning_memory.csv"
RESULTS = Path(__file__).parents[3] / "training" / "results" / "samara_mini.json"


def test_every_figure_is_about_a_checkpoint_and_has_a_source():
    for figure in FIGURES:
        assert figure.checkpoint in NAMES | NOT_IN_CATALOGUE_YET, figure
        assert figure.metric in PUBLISHED_METRICS, figure
        assert figure.source in SOURCES, figure


def test_names_are_no_longer_awaited_once_they_are_there():
    assert not NOT_IN_CATALOGUE_YET & NAMES


def test_values_are_in_their_unit():
    for figure in FIGURES:
        assert figure.value > 0, figure
        if PUBLISHED_METRICS[figure.metric].unit == "fraction":
            assert figure.value < 1, figure
        if figure.metric.endswith("_bytes"):
            assert 1e6 < figure.value < 1e11, figure
        if PUBLISHED_METRICS[figure.metric].unit == "seconds":
            assert 1e-3 < figure.value < 120, figure


def test_nothing_is_said_twice():
    assert len(set(FIGURES)) == len(FIGURES)


def test_speed_and_memory_say_on_what():
    for figure in FIGURES:
        if PUBLISHED_METRICS[figure.metric].unit in ("seconds", "images per second") or figure.metric == "memory_bytes":
            assert str(figure.conditions), figure


@pytest.mark.parametrize(
    ("checkpoint", "metric", "source", "values"),
    [
        ("sam_vit_h", "coco_ap", "EdgeSAM README", [0.461]),
        ("sam_vit_b", "images_per_second", "segment-anything-fast", [12.1, 39.8, 85.5, 92.1, 90.3, 81.5, 95.4]),
        ("fastsam_x", "memory_bytes", "FastSAM README", [2_608_000_000]),
        ("yolo11n-seg", "everything_seconds", "Ultralytics docs 8.3.90", [0.0301]),
        ("sam_vit_l", "file_bytes", None, []),
    ],
)
def test_looking_up(checkpoint, metric, source, values):
    assert [figure.value for figure in published_for(checkpoint, metric, source)] == pytest.approx(values)


def test_looking_up_everything_of_a_checkpoint():
    assert {figure.metric for figure in published_for("sam_vit_h")} >= {"coco_ap", "encode_seconds", "memory_bytes"}
    assert published_for("no_such") == ()


@pytest.mark.parametrize(("metric", "kind"), [("centre_click_iou", "click"), ("box_iou", "box")])
def test_samara_minis_figures_are_those_measured(metric, kind):
    measured = json.loads(RESULTS.read_text())
    figures = published_for("samara_mini", metric)
    assert len(figures) == 3
    for figure in figures:
        scores = measured[figure.conditions.data.split()[0]][kind].values()
        assert figure.value == round(mean(score["mean"] for score in scores), 3)


MODES = {"cached embeddings": "cached", "no cache": "encoded in every step"}


def test_memory_of_fine_tuning_is_that_of_the_benchmark():
    rows = list(csv.DictReader(FINETUNING.read_text().splitlines()))
    measured = {(row["variant"], row["mode"], float(f"{float(row['additional_peak_bytes']):.9g}")) for row in rows}
    for figure in FINETUNING_FIGURES:
        mode = MODES[figure.conditions.note.partition(",")[0]]
        assert (figure.checkpoint.removeprefix("sam_"), mode, figure.value) in measured, figure
