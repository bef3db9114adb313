"""Every row of section 6 of the guide: agreement, or the stated reason why not; and its memory rule."""

from __future__ import annotations

import math

import pytest

import samara
from samara.checkpoints.catalogue import CATALOGUE
from samara.errors import SettingsError
from samara.measurement.published.figures import published_for
from samara.recommendation.costs import COSTS
from samara.recommendation.guide import (
    RULES,
    THRESHOLDS,
    guide_note,
    memory_note,
    rules_for,
    select_sam_checkpoint,
)
from samara.recommendation.quality import published_quality
from samara.recommendation.recommend import recommend
from samara.recommendation.request import request
from samara.recommendation.target import target
from samara.recommendation.tasks import DOMAINS, TASKS
from tests.recommendation.samples import CPU_8, GPU_24, HERE

# Section 6, row by row: table or list, situation, what is recommended first. Written down from the guide itself, so
# that the data of the product can be held against it.
SECTION_6 = [
    ("Decision Matrix", "Maximum quality", "h"),
    ("Decision Matrix", "Production balanced", "l"),
    ("Decision Matrix", "Real-time", "b"),
    ("Decision Matrix", "Edge/Mobile", "b"),
    ("Decision Matrix", "Fine-tuning (limited GPU)", "b"),
    ("Decision Matrix", "Research benchmarks", "h"),
    ("Decision Matrix", "Medical imaging", "h"),
    ("Decision Matrix", "Interactive annotation", "l"),
    ("Application-Based Recommendations", "Medical Imaging & Scientific", "h"),
    ("Application-Based Recommendations", "Autonomous Driving", "bl"),
    ("Application-Based Recommendations", "Content Creation / Background Removal", "l"),
    ("Application-Based Recommendations", "Dataset Annotation, interactive", "l"),
    ("Application-Based Recommendations", "Dataset Annotation, large-scale", "b"),
    ("Application-Based Recommendations", "Robotics / Embedded", "b"),
    ("Hardware-Based Selection", "High-End GPU (24+ GB VRAM)", "h"),
    ("Hardware-Based Selection", "Mid-Range GPU (8-16 GB VRAM)", "l"),
    ("Hardware-Based Selection", "Mid-Range GPU, fine-tuning", "b"),
    ("Hardware-Based Selection", "Consumer GPU (4-8 GB VRAM)", "b"),
    ("Hardware-Based Selection", "CPU Only", "b"),
    ("Cost-Benefit Analysis", "ViT-H for production", "h"),
    ("Cost-Benefit Analysis", "ViT-H for research", "h"),
    ("Cost-Benefit Analysis", "ViT-L for most applications", "l"),
    ("Cost-Benefit Analysis", "ViT-B where speed is critical", "b"),
    ("Cost-Benefit Analysis", "ViT-B for edge", "b"),
]

# GPU memory that stands for a range, and the machine of rows that name none.
TYPICAL = {(24, math.inf): 24, (8, 16): 12, (4, 8): 6}
USUAL = {"vram_gb": 16}
SMALL_BOARD = {"ram_gb": 4}


def machine_of(rule):
    if rule.task == "edge":
        return SMALL_BOARD
    if rule.gpu_gb is None:
        return USUAL
    return {"ram_gb": 16} if rule.gpu_gb == (0, 0) else {"vram_gb": TYPICAL[rule.gpu_gb]}


def asked(rule):
    return {name: value for name, value in (("task", rule.task), ("domain", rule.domain)) if value}


def test_the_rules_are_the_rows_of_the_guide():
    assert [(rule.where, rule.situation, rule.primary) for rule in RULES] == [
        (where, situation, tuple(f"sam_vit_{letter}" for letter in letters)) for where, situation, letters in SECTION_6
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.situation)
def test_each_row_agrees_or_says_why_not(rule):
    found = recommend(**machine_of(rule), **asked(rule), at_hand={"samara_mini"})
    if found.checkpoint in rule.primary:
        assert not rule.instead, "it agrees, so there is nothing to explain"
    elif found.checkpoint not in rule.alternatives:
        assert found.checkpoint in rule.instead
        assert len(rule.differs) > 50
    assert any("The guide" in note for note in found.notes)


def test_names_and_words_are_known():
    names = {row.name for row in CATALOGUE}
    for rule in RULES:
        assert {*rule.primary, *rule.alternatives, *rule.instead} <= names
        assert rule.task is None or rule.task in TASKS
        assert rule.domain is None or rule.domain in DOMAINS
        assert bool(rule.differs) == bool(rule.instead)


def published(checkpoint, metric, source, prompts=""):
    return next(
        one.value for one in published_for(checkpoint, metric, source) if prompts in (one.conditions.prompts or "")
    )


def test_reasons_hold_the_figures_that_they_speak_of():
    told = {rule.situation: rule.differs for rule in RULES}
    better, plain = (published(name, "seginw_ap", "HQ-SAM README") for name in ("sam_hq_vit_h", "sam_vit_h"))
    assert f"{better:.3f} to {plain:.3f}" in told["Maximum quality"]
    newer = told["High-End GPU (24+ GB VRAM)"]
    own = [COSTS[key].encoder_flops / 1e12 for key in COSTS if key[0].startswith("efficientvit_sam")]
    assert f"{min(own):.2f} to {max(own):.2f} TFLOP" in newer
    base, large, huge = (f"{COSTS[f'vit_{size}', 1024].encoder_flops / 1e12:.1f}" for size in "blh")
    assert f"take {base}, {large} and {huge}" in newer

    def quality(name):
        return published_quality(name, "box", DOMAINS["natural"]).value

    own = [quality(f"efficientvit_sam_{size}") for size in ("l0", "l1", "l2", "xl0", "xl1")]
    assert f"reach {min(own):.2f} to {max(own):.2f} of ViT-H's quality, ViT-B {quality('sam_vit_b'):.2f}" in newer


@pytest.mark.parametrize(
    ("gigabytes", "variant"),
    [(80, "vit_h"), (12, "vit_h"), (11.99, "vit_l"), (6, "vit_l"), (5.99, "vit_b"), (0, "vit_b")],
)
def test_select_sam_checkpoint(gigabytes, variant):
    assert select_sam_checkpoint(gigabytes) == variant
    assert samara.select_sam_checkpoint is select_sam_checkpoint


@pytest.mark.parametrize("wrong", [-1, float("nan")])
def test_select_refuses_what_is_no_memory(wrong):
    with pytest.raises(SettingsError, match="it must be a number of GB, at least 0"):
        select_sam_checkpoint(wrong)


def test_thresholds_fall():
    assert [least for least, _ in THRESHOLDS] == [12, 6, 0]


@pytest.mark.parametrize(
    ("where", "situation"),
    [
        (GPU_24, "High-End GPU (24+ GB VRAM)"),
        (target(vram_gb=25.3), "High-End GPU (24+ GB VRAM)"),
        (target(vram_gb=12), "Mid-Range GPU (8-16 GB VRAM)"),
        (target(vram_gb=17.1), "Mid-Range GPU (8-16 GB VRAM)"),
        (target(vram_gb=6), "Consumer GPU (4-8 GB VRAM)"),
        (CPU_8, "CPU Only"),
        (target(machine=HERE), "CPU Only"),
    ],
)
def test_rows_about_machines_speak_of_those(where, situation):
    speaking = [rule.situation for rule in rules_for(request(), where) if rule.gpu_gb is not None]
    assert situation in speaking


def test_no_row_about_machines_speaks_of_a_tiny_gpu():
    assert not [rule for rule in rules_for(request(), target(vram_gb=2)) if rule.gpu_gb is not None]


def test_notes_say_whether_the_guide_is_followed():
    matrix = request(task="real-time")
    assert "and so does this" in guide_note(matrix, GPU_24, "sam_vit_b")
    assert "this recommendation differs: EfficientViT-SAM is newer" in guide_note(matrix, GPU_24, "efficientvit_sam_l0")
    assert "the figures above lead to a different choice" in guide_note(matrix, GPU_24, "sam_hq_vit_l")
    assert "and allows mobile_sam" in guide_note(request(task="edge", domain="robotics"), CPU_8, "mobile_sam")
    assert guide_note(matrix, GPU_24, None) is None
    both = guide_note(request(task="interactive annotation", domain="medical"), GPU_24, "sam_vit_l")
    assert (
        "sam_vit_l for Interactive annotation, and so does this recommendation; for Medical imaging it says sam_vit_h"
        in both
    )


def test_the_memory_rule_is_contradicted_where_it_forbids_what_fits():
    assert "needs a GPU with 12 GB; the estimate above is 4.1 GB" in memory_note(target(vram_gb=8), "sam_vit_h", 4.14e9)
    assert "needs a GPU with 12 GB" in memory_note(target(vram_gb=8), "sam_hq_vit_h", 4.14e9)
    assert memory_note(GPU_24, "sam_vit_h", 4.14e9) is None
    assert memory_note(CPU_8, "sam_vit_h", 4.14e9) is None
    assert memory_note(target(vram_gb=2), "mobile_sam", 1e9) is None
