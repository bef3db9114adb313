"""What others say about a number."""

from __future__ import annotations

from samara.measurement.comparison.comparison import DeviceOfMachine
from samara.measurement.comparison.published_values import beside
from samara.measurement.published.figures import published_for
from samara.measurement.published.guide_claims import claims_for
from samara.measurement.reporting.beside import NOTHING_BESIDE


def test_published_and_claimed_stand_beside_with_sources_and_a_mark():
    near = beside("sam_vit_h", "encode_seconds", batch_size=1)
    assert near.figures == published_for("sam_vit_h", "encode_seconds")
    assert near.claims == claims_for("sam_vit_h", "encode_seconds")
    assert near.published == "150 ms–60 s"
    assert near.claimed == "100 ms"
    assert near.is_contradicted
    assert "SAM FAQ (A100" in near.sources


CPU = DeviceOfMachine({"processor": "Chip", "cores": 2}, "cpu")


def test_a_cpu_is_not_set_against_a_gpu():
    assert beside("sam_vit_h", "encode_seconds", place=CPU, batch_size=1).published == "60 s"  # an Apple M1's
    assert beside("sam_vit_h", "encode_seconds", place=CPU, batch_size=1).claimed == ""  # the guide's is an A100's
    a100, x9 = (DeviceOfMachine({"gpus": [{"name": name}]}, "cuda:0") for name in ("NVIDIA A100-SXM4-40GB", "X9"))
    assert beside("sam_vit_h", "encode_seconds", place=a100, batch_size=1).claimed == "100 ms"
    assert beside("sam_vit_h", "encode_seconds", place=a100, batch_size=1).published == "150 ms"
    assert beside("sam_vit_h", "encode_seconds", place=x9, batch_size=1) == NOTHING_BESIDE
    assert beside("sam_vit_h", "parameters", place=CPU).claimed == "636 M"  # the same on every machine


def test_batches_are_not_mixed():
    one, eight = (beside("sam_vit_b", "images_per_second", batch_size=size) for size in (1, 8))
    assert one.claimed == "20 img/s"
    assert eight.claimed == "90 img/s"
    assert one.published == ""
    assert eight.published.startswith("12.1–")
    assert beside("sam_vit_h", "encode_seconds", batch_size=8) == NOTHING_BESIDE


def test_domains_are_not_mixed():
    assert beside("sam_vit_b", "centre_click_iou", domain="medical").claimed == "0.650–0.750"
    assert beside("sam_vit_b", "centre_click_iou", domain="satellite").claimed == "0.700–0.800"
    assert beside("sam_vit_b", "centre_click_iou", is_mean=True).claimed == "0.830"
    assert beside("sam_vit_b", "centre_click_iou", domain="my cells") == NOTHING_BESIDE


def test_a_file_of_ones_own_has_nothing_beside():
    assert beside("mine.safetensors", "parameters") == NOTHING_BESIDE
    assert not NOTHING_BESIDE.is_contradicted
    assert NOTHING_BESIDE.published == NOTHING_BESIDE.claimed == NOTHING_BESIDE.sources == ""
