"""Every kind of job gives the numbers that it promises."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
import torch

import samara
from samara.measurement.benchmarking import perform as performing
from samara.measurement.benchmarking.jobs import BenchmarkJob
from samara.measurement.benchmarking.measure import Plan
from samara.measurement.benchmarking.perform import perform
from samara.measurement.benchmarking.settings import BenchmarkSettings
from samara.measurement.evaluation.ground_truth import GroundTruth
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.measurement.subjects import CheckpointUnderTest, RunSettings, find_checkpoint
from samara.networks.variants import VARIANTS
from samara.segmentation.automatic.settings import points_per_side_of
from tests.measurement.benchmarking.samples import MINI, RANDOM_MINI
from tests.measurement.evaluation.conftest import write_coco

SMALL = replace(MINI, input_size=128)
DETECTOR = replace(RANDOM_MINI, checkpoint="yolo11n-seg", variant="yolo11n_seg")
QUICK = BenchmarkSettings(batch_sizes=(1, 2), repeats=1, seconds=0.01, points_per_side=2, threads=1)
FEW = EvaluationSettings(objects=1, images=1, points_per_side=2, measures=("box", "everything"))


@pytest.fixture
def coco(tmp_path):
    return write_coco(tmp_path)


def jobs_of(coco, subject):
    """Every job of a checkpoint."""
    where = GroundTruth(coco, coco.parent / "images", "drawn")
    plan = Plan(QUICK, FEW, (where,), (coco.parent / "images" / "a_0.png",))
    own = points_per_side_of(VARIANTS[subject.variant], subject.input_size)
    jobs = plan.jobs(
        CheckpointUnderTest(checkpoint=subject.checkpoint, subject=subject, file_bytes=19, own_points_per_side=own)
    )
    return [replace(job, inputs={**job.inputs, "journal": str(coco.parent / "journal")}) for job in jobs]


@pytest.mark.parametrize(
    "subject", [SMALL, pytest.param(RANDOM_MINI, marks=pytest.mark.slow), DETECTOR], ids=["file", "random", "detector"]
)
def test_a_job_gives_what_it_promises(coco, subject):
    told = []
    for job in jobs_of(coco, subject):
        numbers = perform(job, lambda *step: told.append(step))
        assert {number.metric for number in numbers} == set(job.metrics), job.title
        for number in numbers:
            assert number.value is None or number.value >= 0
            assert number.batch_size in (job.batch_size, 1, 2)
            assert bool(number.note) == (number.value is None or (job.kind == "everything" and subject is not SMALL))
    assert told or subject is DETECTOR  # which has no steps to tell of


def by_metric(coco, subject, kind):
    (job,) = (job for job in jobs_of(coco, subject) if job.kind == kind)
    return {(number.metric, number.source): number for number in perform(job, lambda *_: None)}


def test_random_weights_have_speed_but_no_quality(coco):
    quality = by_metric(coco, RANDOM_MINI, "quality")
    assert {number.status for number in quality.values()} == {"not applicable"}
    assert {number.note for number in quality.values()} == {
        "its file is not on this machine, and random weights have no quality"
    }
    calls = by_metric(coco, RANDOM_MINI, "calls")
    assert calls["load_seconds", None].status == "not applicable"
    assert calls["decode_64_seconds", None].value > 0


def test_quality_is_that_of_evaluate(coco):
    numbers = by_metric(coco, MINI, "quality")
    evaluation = samara.evaluate(
        coco, coco.parent / "images", settings=FEW, device="cpu", precision="float32", domain="drawn"
    )
    for record in evaluation.records:
        number = numbers[record.metric, record.source]
        assert number.value == pytest.approx(record.value)
        assert asdict(number)["interval"] == (record.interval and asdict(record.interval))


def test_a_detector_has_no_encoding_apart(coco):
    calls = by_metric(coco, DETECTOR, "calls")
    assert {number.status for number in calls.values()} == {"not applicable"}
    assert "finds everything in one pass" in calls["encode_seconds", None].note
    assert by_metric(coco, DETECTOR, "everything")["everything_seconds", None].value > 0
    sizes = by_metric(coco, DETECTOR, "size")
    assert sizes["parameters", None].value == sizes["encoder_parameters", None].value == 2_876_848


def test_what_a_detector_cannot_take_is_no_failure(coco, monkeypatch):
    """A YOLO from a file: what needs prompts is not applicable, with the reason, and what needs none is measured."""
    trained = replace(DETECTOR, weights="file", sha256="0" * 64)
    monkeypatch.setattr(performing, "_load", lambda job: as_if_from_a_file(DETECTOR))
    quality = by_metric(coco, trained, "quality")
    for metric in ("box_iou", "box_boundary_iou"):
        number = quality[metric, None]
        assert (number.value, number.status, number.note) == (None, "not applicable", "YOLO11n-seg cannot take boxes")
    assert quality["average_recall", None].status == "measured"
    assert quality["average_recall", None].value == 0  # it is sure of nothing, so it finds nothing


def as_if_from_a_file(subject):
    """With weights that give every class next to no confidence."""
    loaded = samara.load(subject.checkpoint, weights="random", device="cpu", input_size=subject.input_size)
    with torch.no_grad():
        for name, parameter in loaded.detector.named_parameters():
            if ".cv3." in name and name.endswith(".2.bias"):
                parameter.fill_(-50)
    return replace(loaded, provenance=replace(loaded.provenance, weights="file"))


def test_a_part_is_loaded_on_its_base(mini, tmp_path):
    path = tmp_path / "decoder.pth"
    state = mini.sam.state_dict()
    torch.save({name: value for name, value in state.items() if name.startswith("mask_decoder.")}, path)
    candidate = find_checkpoint(str(path), RunSettings(device="cpu", precision="float32", base="samara_mini"))
    plan = Plan(BenchmarkSettings(groups=("size",)), EvaluationSettings(), (), ())
    (job,) = plan.jobs(candidate)
    assert performing._load(BenchmarkJob.from_json(job.to_json())).name == "decoder.pth on samara_mini"
    numbers = {number.metric: number.value for number in perform(job, lambda done, total: None)}
    assert numbers["file_bytes"] == candidate.file_bytes > path.stat().st_size
