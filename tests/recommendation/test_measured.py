"""Records, looked up: here or elsewhere, newest and fastest, for the right domain and device."""

from __future__ import annotations

import dataclasses

import pytest

from samara.recommendation.measured import assumed_speed_of, is_same_machine, measurements
from samara.recommendation.target import target
from tests.recommendation.samples import CPU_8, GPU_24, HERE, WITH_GPU, nothing_measured, record

THERE = dataclasses.replace(HERE, processor="Other CPU", cores=2)
ON_HERE = target(machine=HERE)


def test_without_records_nothing_is_known():
    empty = nothing_measured()
    assert empty.quality("sam_vit_b", "box") is None
    assert empty.seconds("sam_vit_b", everything=False) is None
    assert empty.memory("sam_vit_b", everything=True) is None


def test_quality_is_the_measured_mean():
    found = measurements([record(value=0.71, images=12)], ON_HERE, "natural").quality("sam_vit_b", "box")
    assert (found.value, found.certainty) == (0.71, "measured here")
    assert "on 12 images" in found.basis
    elsewhere = measurements([record(value=0.71, machine=THERE)], ON_HERE, "natural").quality("sam_vit_b", "box")
    assert elsewhere.certainty == "measured elsewhere"
    assert "Other CPU" in elsewhere.basis


def test_quality_of_single_sources_and_of_random_weights_does_not_count():
    kept = measurements(
        [record(source="coco"), record(weights="random", metric="centre_click_iou")], ON_HERE, "natural"
    )
    assert kept.quality("sam_vit_b", "box") is None
    assert kept.quality("sam_vit_b", "point") is None


def test_other_domains_do_not_count():
    both = [record(domain="medical", value=0.5, job="a"), record(domain="natural", value=0.8, job="b")]
    assert measurements(both, ON_HERE, "medical").quality("sam_vit_b", "box").value == 0.5
    assert measurements(both[1:], ON_HERE, "medical").quality("sam_vit_b", "box") is None
    unsaid = record(domain="all", value=0.6, job="c")
    assert measurements([*both[1:], unsaid], ON_HERE, "medical").quality("sam_vit_b", "box").value == 0.6


def test_failed_measurements_do_not_count_and_newer_ones_replace_older():
    old = record(value=0.6)
    new = record(value=0.7, when="2026-11-22T12:00:00+00:00")
    failed = record(value=None, status="failed", note="out of memory", job="c")
    found = measurements([new, old, failed], ON_HERE, "natural")
    assert found.quality("sam_vit_b", "box").value == 0.7
    assert len(found.records) == 1


def times(machine, encode=2.0, decode=0.5, device="cpu"):
    return [
        record(metric="encode_seconds", value=encode, machine=machine, device=device),
        record(metric="decode_1_seconds", value=decode, machine=machine, device=device),
        record(metric="everything_seconds", value=30.0, machine=machine, device=device),
    ]


def test_times_are_added_up():
    found = measurements(times(HERE), ON_HERE, "natural")
    assert (found.seconds("sam_vit_b", everything=False).value) == 2.5
    assert found.seconds("sam_vit_b", everything=True).value == 30
    assert found.seconds("sam_vit_b", everything=True).certainty == "measured here"
    assert measurements(times(HERE)[:1], ON_HERE, "natural").seconds("sam_vit_b", everything=False) is None


def test_times_of_another_machine_are_scaled():
    found = measurements(times(THERE), ON_HERE, "natural").seconds("sam_vit_b", everything=False)
    assert found.value == pytest.approx(2.5 * 2 / 8)
    assert found.certainty == "measured elsewhere"


def test_times_of_another_kind_of_device_do_not_count():
    assert measurements(times(HERE), GPU_24, "natural").seconds("sam_vit_b", everything=False) is None
    on_gpu = measurements(times(WITH_GPU, device="cuda:0"), target(machine=WITH_GPU), "natural")
    assert on_gpu.seconds("sam_vit_b", everything=False).certainty == "measured here"
    described = measurements(times(WITH_GPU, device="cuda:0"), GPU_24, "natural")
    assert described.seconds("sam_vit_b", everything=False).value == pytest.approx(2.5)


def test_memory_is_of_the_device():
    resident = record(metric="encode_resident_peak_bytes", value=3e9)
    device = record(metric="everything_device_peak_bytes", value=2e9, machine=WITH_GPU, device="cuda:0")
    found = measurements([resident, device], CPU_8, "natural")
    assert found.memory("sam_vit_b", everything=False).value == 3e9
    assert found.memory("sam_vit_b", everything=True) is None
    on_gpu = measurements([resident, device], target(machine=WITH_GPU), "natural")
    assert on_gpu.memory("sam_vit_b", everything=True).value == pytest.approx(2.5e9)  # with CUDA's own share


def test_only_one_image_at_a_time_counts():
    records = [
        record(metric="encode_resident_peak_bytes", value=3e9, batch_size=1),
        record(metric="encode_resident_peak_bytes", value=9e9, batch_size=8),
    ]
    assert measurements(records, ON_HERE, "natural").memory("sam_vit_b", everything=False).value == 3e9


def test_everything_counts_with_the_default_grid_only():
    small = record(metric="everything_seconds", value=1.0, settings={"points_per_side": 1})
    assert measurements([small], ON_HERE, "natural").seconds("sam_vit_b", everything=True) is None
    full = record(metric="everything_seconds", value=30.0, settings={"points_per_side": 32})
    assert measurements([full], ON_HERE, "natural").seconds("sam_vit_b", everything=True).value == 30


def test_the_same_machine_is_one_with_equal_processor_cores_and_gpus():
    assert is_same_machine(record(), HERE)
    assert not is_same_machine(record(machine=THERE), HERE)
    assert not is_same_machine(record(machine=WITH_GPU), HERE)
    assert is_same_machine(record(machine=WITH_GPU), WITH_GPU)


def test_speed_of_the_machine_of_a_record():
    assert assumed_speed_of(record(machine=WITH_GPU, device="cuda:0"), "cuda").certainty == "published"
    assert assumed_speed_of(record(machine=WITH_GPU), "cpu").basis == "8 cores (AVX2)"


def test_a_gpu_that_is_elsewhere_is_named():
    record_of_gpu = record(metric="encode_device_peak_bytes", value=2e9, machine=WITH_GPU, device="cuda:0")
    told = measurements([record_of_gpu], GPU_24, "natural").memory("sam_vit_b", everything=False)
    assert told.certainty == "measured elsewhere"
    assert "NVIDIA GeForce RTX 3090" in told.basis
