"""Each rule excludes what it names and nothing else, and says why."""

from __future__ import annotations

import pytest

from samara.checkpoints.catalogue import CATALOGUE, find
from samara.networks.variants import VARIANTS
from samara.recommendation.estimates import needs_of
from samara.recommendation.request import request
from samara.recommendation.rules import NOT_RUN, RULES, Candidate, cannot_run, gigabytes, reasons_against, seconds
from samara.recommendation.target import target
from samara.recommendation.tasks import PROMPTS
from tests.recommendation.samples import CPU_8, GPU_24, nothing_measured


def against(name, where=GPU_24, *, at_hand=False, **asked):
    wanted = request(**asked)
    row = find(name)
    candidate = Candidate(row, at_hand, needs_of(row, wanted, where, nothing_measured(where)))
    return {reason.rule: reason for reason in reasons_against(candidate, wanted, where)}


def test_nothing_speaks_against_sam_on_a_large_card():
    for name in ("sam_vit_h", "sam_vit_b", "mobile_sam", "samara_mini"):
        assert against(name) == {}


@pytest.mark.parametrize(
    ("name", "asked", "rule", "text"),
    [
        ("fastsam_x", {"commercial": True}, "licence", "AGPL-3.0-only: anything built on it"),
        ("fastsam_s", {"prompts": ["mask"]}, "prompts", "takes no masks as prompts"),
        ("yolo11n-seg", {}, "prompts", "takes no points, takes no boxes"),
        ("yolo11n-seg", {"prompts": ["everything"]}, "prompts", "finds only the classes it was trained on"),
        ("sam_vit_b", {"prompts": ["classes"]}, "prompts", "has no classes"),
        ("sam_vit_b", {"offline": True}, "offline", "is not on this machine"),
        ("sam_vit_b", {"max_disk_gb": 0.3}, "disk", "is a file of 0.38 GB, the limit is 0.3 GB"),
        ("sam_vit_b", {"max_latency_s": 0.05}, "latency", "takes 0.11 s, the limit is 50 ms"),
    ],
)
def test_one_reason(name, asked, rule, text):
    (reason,) = against(name, **asked).values()
    assert reason.rule == rule
    assert reason.text.startswith(text)


def test_memory():
    reason = against("sam_vit_h", target(vram_gb=3))["memory"]
    assert reason.text == "needs 4.1 GB, 2.7 GB are usable"
    assert (reason.number, reason.limit, reason.certainty) == ("4.1 GB", "2.7 GB are usable", "rule of thumb")
    assert "memory" not in against("sam_vit_h", target(vram_gb=3, device="cpu"))  # whose memory nobody told


def test_what_is_at_hand_costs_no_disk_and_no_network():
    assert against("sam_vit_b", at_hand=True, offline=True, max_disk_gb=0.001) == {}


def test_every_reason_is_told():
    assert list(against("fastsam_x", target(vram_gb=1), commercial=True, offline=True, prompts=["mask"])) == [
        "prompts",
        "licence",
        "offline",
        "memory",
    ]
    assert set(RULES) >= {"prompts", "licence", "offline", "disk", "memory", "latency"}


def test_detectors_of_classes_and_sam_never_serve_the_same_request():
    for prompt in PROMPTS:
        yolo = "prompts" not in against("yolov8n-seg", prompts=[prompt])
        assert yolo == (prompt == "classes")
    assert against("fastsam_s", CPU_8, prompts=["everything"]) == {}


def test_what_samara_does_not_run():
    for row in CATALOGUE:
        assert (cannot_run(row) is None) == VARIANTS[row.variant].is_runnable
    assert cannot_run(find("sam3")).rule == NOT_RUN


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "12 ms"), (0.0996, "0.1 s"), (1.44, "1.4 s"), (57, "57 s"), (600, "10 min")]
)
def test_times_for_people(value, text):
    assert seconds(value) == text


@pytest.mark.parametrize(("value", "text"), [(19_565_304, "19.6 MB"), (0.375e9, "0.38 GB"), (2.56e9, "2.6 GB")])
def test_amounts_for_people(value, text):
    assert gigabytes(value) == text
