"""The step whose memory is measured is one of `samara finetune` with its default settings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from samara.finetuning.settings import FineTuneSettings
from samara.measurement.benchmarking import finetuning
from samara.measurement.benchmarking.finetuning import ONE_STEP, fine_tune_by_one_step, why_not_fine_tuned
from samara.measurement.benchmarking.jobs import BenchmarkJob
from samara.measurement.benchmarking.perform import perform
from tests.finetuning.conftest import make_tiny
from tests.measurement.benchmarking.samples import MINI, RANDOM_MINI, job

METRICS = ("finetune_resident_peak_bytes", "finetune_device_peak_bytes")


def finetuning_job(subject) -> BenchmarkJob:
    return job(subject=subject, settings={"work": "finetune", "threads": 1}, metrics=METRICS)


def test_the_step_is_that_of_the_default_settings(monkeypatch):
    seen = {}
    run = finetuning.fine_tune

    def watched(loaded, training, validation, out, settings):
        seen.update(images=len(training), objects={len(one.instances) for one in training}, settings=settings)
        seen.update(history=run(loaded, training, validation, out, settings).history)

    monkeypatch.setattr(finetuning, "fine_tune", watched)
    fine_tune_by_one_step(make_tiny(), "bfloat16")
    default = FineTuneSettings()
    assert seen["images"] == default.images_per_step
    assert seen["objects"] == {default.objects_per_image}
    assert seen["settings"] == replace(ONE_STEP, precision="bfloat16")
    assert [record.epoch for record in seen["history"]] == [0, 1]


def test_peaks_of_the_process_are_recorded():
    resident, device = perform(finetuning_job(replace(RANDOM_MINI, input_size=64)), lambda *_: None)
    assert resident.value > 1e8
    assert (device.value, device.status) == (None, "not applicable")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"variant": "yolo11n_seg"}, "samara does not fine-tune YOLO11n-seg"),
        ({"engine": "openvino"}, "fine-tuning runs in PyTorch, not in openvino"),
        ({"precision": "float16"}, "fine-tuning computes in float32 or bfloat16, not in float16"),
    ],
)
def test_what_is_not_fine_tuned_says_why(changes, reason):
    subject = replace(MINI, **changes)
    assert why_not_fine_tuned(subject) == reason
    numbers = perform(finetuning_job(subject), lambda *_: None)
    assert [(number.metric, number.status, number.note) for number in numbers] == [
        (metric, "not applicable", reason) for metric in METRICS
    ]


@pytest.mark.parametrize("engine", ["torch", "auto"])
def test_what_is_fine_tuned(engine):
    assert why_not_fine_tuned(replace(MINI, engine=engine)) == ""
