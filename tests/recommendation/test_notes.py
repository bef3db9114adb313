"""What a reader should know besides: the right note in the right case, and not otherwise."""

from __future__ import annotations

import pytest

from samara.recommendation.recommend import recommend
from tests.recommendation.samples import record

HAND = {"samara_mini"}


def notes(**asked):
    return recommend(**({"vram_gb": 24, "at_hand": HAND} | asked)).notes


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ({"offline": True}, "samara_mini is small (mean IoU 0.59 from a click, 0.78 from a box"),
        ({"vram_gb": 0.3}, "Relax the limit on memory first: it alone excludes"),
        ({"vram_gb": 0.3, "offline": True, "at_hand": set()}, "Relaxing a single limit is not enough"),
        ({"prompts": ["classes"]}, "is under AGPL-3.0-only: anything built on it"),
        ({"prompts": ["classes"]}, "larger ones find more (rule of thumb) and are slower."),
        (
            {"vram_gb": 5.2, "task": "batch annotation", "max_latency_s": 60},
            "samara.AutomaticSettings(points_per_batch=",
        ),
        ({"task": "maximum quality"}, "sam_hq_vit_h returns one mask per prompt"),
        ({"domain": "medical"}, "ViT-H is better overall than ViT-B"),
        ({}, "The guide"),
        ({"vram_gb": 5, "task": "benchmark"}, "By the guide's thresholds sam_vit_h needs a GPU with 12 GB"),
        ({}, "samara_mini runs at once."),
        ({"records": [record("my_own", n=12)]}, "Records of my_own were left out"),
        ({}, "samara recommend --images DIR --ground-truth COCO.json"),
    ],
)
def test_a_note_where_it_belongs(asked, part):
    assert any(part in note for note in notes(**asked))


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ({}, "samara_mini is small"),
        ({}, "Relax"),
        ({}, "AGPL"),
        ({"task": "batch annotation"}, "returns one mask per prompt"),
        ({"at_hand": {"efficientvit_sam_xl1", "samara_mini"}}, "runs at once"),
        ({}, "were left out"),
        ({"vram_gb": 0.3}, "The guide"),
    ],
)
def test_no_note_where_it_does_not(asked, part):
    assert not any(part in note for note in notes(**asked))


def test_measured_quality_needs_no_advice_to_measure():
    records = [record("sam_vit_h", metric, 0.9, job=metric) for metric in ("box_iou", "centre_click_iou")]
    found = recommend(vram_gb=24, records=records, at_hand=HAND, task="benchmark")
    assert found.checkpoint == "sam_vit_h"
    assert not any("--ground-truth" in note for note in found.notes)
