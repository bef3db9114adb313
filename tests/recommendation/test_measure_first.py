"""Measuring before recommending: what is measured, on what, and that it decides."""

from __future__ import annotations

import pytest

from samara.errors import SettingsError
from samara.images.settings import ImageReading
from samara.measurement.benchmarking import measure as measuring
from samara.measurement.evaluation.ground_truth import GroundTruth
from samara.measurement.records.numbers import Number
from samara.measurement.records.records import Interval
from samara.recommendation.measure_first import measure_first
from samara.recommendation.recommend import recommend
from tests.measurement.evaluation.conftest import write_coco
from tests.recommendation.samples import HERE

HAND = {"samara_mini"}


@pytest.fixture
def data(tmp_path):
    coco = write_coco(tmp_path / "data")
    return {"ground_truth": coco, "images": coco.parent / "images", "out": tmp_path / "measured"}


@pytest.fixture
def jobs(monkeypatch):
    """What is measured; no process is started."""
    done = []

    def run(job, *, timeout_s, progress):
        done.append(job)
        values = {"quality": 0.66, "memory": 5e8}
        shown = {"n": 90, "images": 20, "interval": Interval(low=0.62, high=0.70, kind="95 % bootstrap")}
        seen = shown if job.kind == "quality" else {}
        return [Number(metric=metric, value=values.get(job.kind, 0.25), **seen) for metric in job.metrics]

    monkeypatch.setattr(measuring, "run_job", run)
    return done


def test_what_is_at_hand_is_measured_and_wins(data, jobs):
    told = []
    found = recommend(**data, device="cpu", at_hand=HAND, progress=lambda *facts: told.append(facts))
    mini = next(one for one in found.ranking if one.name == "samara_mini")
    assert mini.quality.certainty == "measured here"
    assert "0.660" in mini.quality.basis
    assert (mini.candidate.needs.seconds.value, mini.candidate.needs.seconds.certainty) == (0.5, "measured here")
    assert mini.candidate.needs.memory.value == 5e8
    assert {job.subject.checkpoint for job in jobs} == HAND
    assert {job.kind for job in jobs} == {"calls", "everything", "memory", "quality"}
    assert told
    assert {(one.metric, one.value, one.n) for one in found.measured} == {
        ("centre_click_iou", 0.66, 90),
        ("box_iou", 0.66, 90),
    }
    assert not any("samara recommend --images" in note for note in found.notes), "that is the command just run"
    assert any("of those that were, samara_mini is the best" in note for note in found.notes)


def test_only_what_is_asked_is_measured(data, jobs):
    recommend(**data, device="cpu", at_hand=HAND, prompts=["box"], domain="medical")
    (quality,) = (job for job in jobs if job.kind == "quality")
    assert quality.settings["measures"] == ["box"]
    assert quality.domain == "medical"
    assert {job.settings["points_per_side"] for job in jobs if "points_per_side" in job.settings} >= {1}


def test_images_are_read_as_asked(data, jobs):
    recommend(**data, device="cpu", at_hand=HAND, reading=ImageReading((0, 4095), 0))
    read = [job.settings for job in jobs if job.kind in {"calls", "quality"}]
    assert read
    assert all((one["value_range"], one["frame"]) == ([0, 4095], 0) for one in read)


def test_everything_is_timed_with_the_default_grid(data, jobs):
    found = recommend(**data, device="cpu", at_hand=HAND, task="batch annotation", max_images=2)
    (timed,) = (job for job in jobs if job.kind == "everything")
    assert timed.settings["points_per_side"] == 16  # its own, as `segment` uses it
    (quality,) = (job for job in jobs if job.kind == "quality")
    assert (quality.settings["images"], quality.settings["everything_images"]) == (2, 2)
    assert next(one for one in found.ranking if one.name == "samara_mini").candidate.needs.seconds.value == 0.25


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"ram_gb": 8}, "only this machine can be measured; leave out the options that describe another one"),
        ({"at_hand": set()}, "no feasible checkpoint is on this machine; download one with `samara checkpoints get`"),
        (
            {"prompts": ["classes"], "at_hand": {"yolo11n-seg"}},
            "classes cannot be measured; use point, background point, box, mask, everything",
        ),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(data, asked, message, jobs):
    with pytest.raises(SettingsError) as error:
        recommend(**({"at_hand": HAND, "device": "cpu"} | data | asked))
    assert str(error.value) == message
    assert not jobs


@pytest.mark.parametrize(
    ("given", "lacking", "what"),
    [
        ("ground_truth", "images", "the folder of its images"),
        ("images", "ground_truth", "the COCO file of these images"),
    ],
)
def test_half_of_what_measuring_needs_is_one_sentence_with_a_way_out(data, given, lacking, what, jobs):
    with pytest.raises(SettingsError) as error:
        recommend(**data | {lacking: None}, device="cpu", at_hand=HAND)
    assert str(error.value) == f"`{given}` {data[given]} also needs `{lacking}`; add {what}, or leave both out"
    assert not jobs


def test_a_recommendation_for_a_given_machine_can_be_measured(data, jobs):
    first = recommend(machine=HERE, at_hand=HAND)
    where = GroundTruth(data["ground_truth"], data["images"], first.request.domain)
    records = measure_first(first, where, out=data["out"], max_images=1)
    assert {record.subject.device for record in records} == {"cpu"}


@pytest.mark.slow
def test_measuring_for_real(data):
    found = recommend(**data, device="cpu", at_hand=HAND, max_images=1)
    mini = next(one for one in found.ranking if one.name == "samara_mini")
    assert {one.subject.checkpoint for one in found.measured} == {"samara_mini"}
    assert mini.quality.certainty == "rule of thumb", "one image is too little to count"
    assert any("The measured quality of samara_mini does not count" in note for note in found.notes)
    assert mini.candidate.needs.seconds.certainty == "measured here"
    assert 0 < mini.candidate.needs.seconds.value < 60
    assert mini.candidate.needs.memory.value > 1e8
