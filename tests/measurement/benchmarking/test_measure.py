"""Whole runs: planned, recorded, interrupted, resumed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from samara.errors import DatasetError, SettingsError, UnknownCheckpoint
from samara.measurement.benchmarking import measure as measuring
from samara.measurement.benchmarking.measure import Plan, measure
from samara.measurement.benchmarking.settings import BenchmarkSettings
from samara.measurement.evaluation.ground_truth import GroundTruth
from samara.measurement.evaluation.settings import EvaluationSettings
from samara.measurement.records.history import remembered
from samara.measurement.records.metrics import METRICS
from samara.measurement.records.numbers import Number, without_value
from samara.measurement.records.record_file import read_records
from samara.measurement.records.records import latest
from samara.measurement.subjects import CheckpointUnderTest
from samara.networks.variants import VARIANTS
from tests.measurement.benchmarking.samples import MINI
from tests.measurement.evaluation.conftest import write_coco

CPU = {"device": "cpu", "precision": "float32"}
QUICK = BenchmarkSettings(batch_sizes=(1,), repeats=1, seconds=0.01, points_per_side=2, threads=1)
FEW = EvaluationSettings(objects=1, images=1, measures=("box",))


@pytest.fixture
def where(tmp_path):
    coco = write_coco(tmp_path / "data")
    return GroundTruth(coco, coco.parent / "images", "drawn")


@pytest.fixture
def done(monkeypatch):
    """Titles of the jobs that are done; no process is started."""
    titles = []

    def run(job, *, timeout_s, progress):
        titles.append(job.title)
        if progress is not None:
            progress("calls", 1, 1)
        return [Number(metric=metric, value=1.0) for metric in job.metrics]

    monkeypatch.setattr(measuring, "run_job", run)
    return titles


def test_every_metric_is_planned():
    where = GroundTruth(Path("a.json"), Path("a"), "a")
    where.__dict__["digest"] = "00"
    jobs = Plan(BenchmarkSettings(), EvaluationSettings(), (where,), ()).jobs(
        CheckpointUnderTest(checkpoint="samara_mini", subject=MINI, file_bytes=1, own_points_per_side=16)
    )
    assert {metric for job in jobs for metric in job.metrics} == set(METRICS)
    assert [job.batch_size for job in jobs if job.settings.get("work") == "encode"] == [1, 8]
    assert all(job.settings["threads"] >= 1 for job in jobs if job.kind not in ("size", "quality"))


QUICK_GROUPS = {"quality": 6}
ALL_GROUPS = QUICK_GROUPS | {"size": 4, "speed": 9, "memory": 8}


@pytest.mark.parametrize("expected", [QUICK_GROUPS, pytest.param(ALL_GROUPS, marks=pytest.mark.slow)], ids=len)
def test_a_run_in_processes_gives_records(where, tmp_path, expected):
    told = []
    records = measure(
        "samara_mini",
        out=tmp_path / "out",
        ground_truth=[where],
        settings=replace(QUICK, groups=tuple(expected)),
        evaluation=FEW,
        **CPU,
        progress=lambda *step: told.append(step),
    )
    assert records == read_records(tmp_path / "out" / "records.jsonl")
    assert remembered() == records
    assert Counter(record.definition.group for record in records) == expected
    assert {record.status for record in records if "device" not in record.metric} == {"measured"}
    by_place = {(record.metric, record.source): record for record in records}
    if "size" in expected:
        assert by_place["parameters", None].value == VARIANTS["vit_t"].parameters
    assert 0 < by_place["box_iou", "a"].value <= 1
    assert {record.domain for record in records if record.definition.group == "quality"} == {"drawn"}
    jobs = len({record.job for record in records})
    assert told[0] == ("measuring", 0, jobs)
    assert told[-1] == ("measuring", jobs, jobs)
    assert ("samara_mini: quality, drawn", 2, 2) in told
    assert len(list((tmp_path / "out" / "scores").glob("*.jsonl"))) == 1


def test_a_second_run_does_only_what_is_new(where, tmp_path, done):
    options = {"out": tmp_path / "out", "settings": QUICK, "evaluation": FEW, **CPU}
    measure(["samara_mini"], **options)
    first = [*done]
    assert len(first) == len(set(first)) == 7
    measure(["samara_mini"], **options)
    assert done == first
    measure(["samara_mini", "vit_b"], **options, ground_truth=[where], images=where.images)
    # The images are others now, so only the size of samara_mini is known.
    assert "samara_mini: size" not in done[7:]
    assert {title.split(":")[0] for title in done[7:]} == {"samara_mini", "sam_vit_b"}


def test_what_failed_is_tried_again(tmp_path, monkeypatch):
    attempts = []

    def run(job, *, timeout_s, progress):
        attempts.append(job.title)
        if len(attempts) == 1:
            return [without_value(metric, "failed", "killed") for metric in job.metrics]
        return [Number(metric=metric, value=1.0) for metric in job.metrics]

    monkeypatch.setattr(measuring, "run_job", run)
    options = {"out": tmp_path, "settings": BenchmarkSettings(groups=("size",)), **CPU}
    for _ in range(3):
        records = measure(["samara_mini"], **options)
    assert len(attempts) == 2
    assert {record.status for record in latest(records)} == {"measured"}


def test_an_interrupted_run_keeps_what_it_has(tmp_path, monkeypatch, done):
    run = measuring.run_job

    def interrupted(job, **options):
        if len(done) == 2:
            raise KeyboardInterrupt
        return run(job, **options)

    monkeypatch.setattr(measuring, "run_job", interrupted)
    options = {"out": tmp_path, "settings": QUICK, **CPU}
    with pytest.raises(KeyboardInterrupt):
        measure(["samara_mini"], **options)
    assert len({record.job for record in read_records(tmp_path / "records.jsonl")}) == 2
    monkeypatch.setattr(measuring, "run_job", run)
    measure(["samara_mini"], **options)
    assert len(done) == len(set(done)) == 7


def test_all_is_looked_at_before_anything_is_measured(where, tmp_path, done):
    with pytest.raises(SettingsError, match="no checkpoint was given"):
        measure([], out=tmp_path)
    with pytest.raises(UnknownCheckpoint, match="did you mean"):
        measure(["samara_mini", "vit_x"], out=tmp_path, **CPU)
    with pytest.raises(SettingsError, match="give each a different domain"):
        measure(["samara_mini"], out=tmp_path, ground_truth=[where, where])
    with pytest.raises(DatasetError, match="is not a folder"):
        measure(["samara_mini"], out=tmp_path, ground_truth=[GroundTruth(where.annotations, tmp_path / "none")])
    assert done == []
