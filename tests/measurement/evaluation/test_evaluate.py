"""`samara.evaluate`: a checkpoint on ground truth, with what is written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import samara
from samara import EvaluationSettings
from samara.errors import OutputError, SettingsError
from samara.masks.boundary import boundary_iou
from samara.measurement.evaluation import evaluate as quality
from samara.measurement.evaluation.ground_truth import GroundTruth, read_ground_truth
from samara.measurement.records.record_file import read_records
from samara.segmentation.predictor import Predictor
from tests.finetuning.conftest import make_tiny
from tests.measurement.evaluation.conftest import write_coco

SETTINGS = EvaluationSettings(objects=2, points_per_side=2, everything_images=1, failures=2)


@pytest.fixture
def coco(tmp_path):
    return write_coco(tmp_path)


@pytest.fixture
def trained():
    """A tiny network that says its weights were trained."""
    tiny = make_tiny()
    return replace(tiny, provenance=replace(tiny.provenance, weights="file"))


def run(coco, checkpoint, **options):
    return samara.evaluate(coco, coco.parent / "images", checkpoint, **{"settings": SETTINGS} | options)


def test_numbers_are_those_of_the_predictor(coco, trained):
    evaluation = run(coco, trained, domain="drawn")
    predictor = Predictor(trained)
    images = read_ground_truth(GroundTruth(coco, coco.parent / "images"), SETTINGS)
    ious, boundaries = [], []
    for name in ("a_0.png", "a_1.png"):
        scores = next(one for one in evaluation.scores if one.name == name)
        embedding = predictor.embed(coco.parent / "images" / name)
        objects = next(one for one in images if one.name == name).objects
        for one in scores.objects:
            truth = objects[one.place]
            answer = predictor.predict(embedding, boxes=truth.box_xyxy, multimask=False).rles[0]
            a, b = truth.decode(), answer.decode()
            ious.append((a & b).sum() / (a | b).sum())
            boundaries.append(boundary_iou(truth, answer))
    assert evaluation.value("box_iou", "a") == pytest.approx(np.mean(ious))
    assert evaluation.value("box_boundary_iou", "a") == pytest.approx(np.mean(boundaries))
    means = [evaluation.value("centre_click_iou", source) for source in ("a", "b", None)]
    assert means[2] == pytest.approx((means[0] + means[1]) / 2)
    assert {one.domain for one in evaluation.records} == {"drawn"}
    assert evaluation.failure_images == ()


def test_a_folder_gets_records_scores_and_images_once(coco, trained, tmp_path, monkeypatch):
    out, told = tmp_path / "out", []
    first = run(coco, trained, out=out, progress=lambda *step: told.append(step))
    assert told[0] == ("evaluating tiny", 0, 3)
    assert told[-1] == ("evaluating tiny", 3, 3)
    assert tuple(read_records(out / "records.jsonl")) == first.records
    assert len(first.failure_images) == len(first.failures) == len(first.best) == 8
    assert first.written.folder == out / "tiny"
    assert (out / "tiny" / "evaluation.html") in first.written.others
    for path in (*first.failure_images, *first.written.best):
        with Image.open(path) as image:
            assert image.width > image.height
    monkeypatch.setattr(Predictor, "embed", None)  # nothing is asked again
    again = run(coco, trained, out=out)
    assert [one.value for one in again.records] == [one.value for one in first.records]
    assert tuple(read_records(out / "records.jsonl")) == first.records


@pytest.mark.usefixtures("small_inputs")
def test_the_embedded_checkpoint_is_measured_by_name(coco):
    evaluation = run(coco, "samara_mini", settings=EvaluationSettings(objects=1, images=1, measures=("box",)))
    assert 0 <= evaluation.value("box_iou") <= 1
    with pytest.raises(KeyError):
        evaluation.value("average_recall")


def test_random_weights_have_no_quality(coco):
    with pytest.raises(SettingsError, match="has random weights, which have no quality"):
        run(coco, make_tiny())


def test_a_file_where_the_folder_should_be_is_told_before_the_work(coco, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(quality, "score_images", None)
    with pytest.raises(OutputError, match="cannot be used as a folder"):
        run(coco, trained, out=coco)
