"""The text for a terminal: the answer first, nothing wider than the terminal, nothing lost."""

from __future__ import annotations

import pytest

from samara.recommendation.recommend import recommend
from samara.recommendation.statement import CERTAINTIES
from samara.recommendation.text import MARKS, SHOWN, as_text

HAND = {"samara_mini"}
CASES = [
    {"ram_gb": 8},
    {"vram_gb": 6, "task": "interactive annotation", "domain": "medical", "commercial": True},
    {"vram_gb": 24},
    {"ram_gb": 4, "task": "real-time"},
    {"ram_gb": 0.5},
    {"vram_gb": 24, "prompts": ["classes"]},
]


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("asked", CASES, ids=str)
def test_lines_fit_and_the_answer_comes_first(asked, width):
    found = recommend(**asked, at_hand=HAND)
    lines = as_text(found, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert " ".join(lines).startswith(found.answer)


def test_odd_widths_are_brought_into_range():
    found = recommend(vram_gb=24, at_hand=HAND)
    assert as_text(found, width=10) == as_text(found, width=60)
    assert as_text(found, width=500) == as_text(found, width=120)


def test_commands_and_notes_can_be_copied():
    text = as_text(recommend(vram_gb=24, at_hand=HAND), width=80)
    assert "\n  samara checkpoints get efficientvit_sam_xl1\n" in text
    assert "--ground-truth COCO.json" in " ".join(text.split())


def test_the_beginning_of_the_ranking_or_all_of_it():
    found = recommend(vram_gb=24, at_hand=HAND)
    short, full = as_text(found), as_text(found, show_all=True)
    assert f"and {len(found.ranking) - SHOWN} more: --all" in short
    for one in found.ranking:
        assert f" {one.name} " in full
    assert "--all" not in full


def test_every_certainty_has_its_mark_and_the_marks_are_explained():
    assert set(MARKS) == set(CERTAINTIES)
    assert len(set(MARKS.values())) == len(MARKS)
    text = " ".join(as_text(recommend(vram_gb=24, at_hand=HAND)).split())
    for certainty, mark in MARKS.items():
        assert f"{mark} {certainty}" in text


def test_what_is_excluded_is_told_together():
    text = " ".join(as_text(recommend(vram_gb=2, at_hand=HAND), width=120).split())
    assert "yolo11l-seg, yolo11x-seg: takes no points, takes no boxes" in text
    assert "sam_vit_h 4.1 GB" in text
    assert "1.8 GB are usable" in text
    assert "sam3" in text


def test_nothing_is_said_about_a_ranking_that_is_not_there():
    text = as_text(recommend(ram_gb=0.5, at_hand=HAND))
    assert "checkpoint       score" not in text
    assert "Relax the limit on memory first" in text
