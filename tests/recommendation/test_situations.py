"""The right answer in situations that were written down before the rules."""

from __future__ import annotations

import itertools

import pytest

from samara.checkpoints.catalogue import CATALOGUE
from samara.recommendation.recommend import recommend
from samara.recommendation.text import as_text
from tests.recommendation.situations import SITUATIONS

NAMES = {row.name for row in CATALOGUE}
EACH = pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one.who)


def answer(situation):
    return recommend(**situation.asked, records=situation.records, at_hand=situation.at_hand)


@EACH
def test_the_answer_is_the_right_one(situation):
    found = answer(situation)
    assert found.checkpoint in (situation.right or (None,)), situation.why


@EACH
def test_the_text_says_what_matters(situation):
    text = as_text(answer(situation))
    flat = " ".join(text.split())
    for told in situation.told:
        assert " ".join(told.split()) in flat, situation.why
    for untold in situation.untold:
        assert untold not in flat, situation.why


@EACH
def test_no_place_contradicts_the_numbers_beside_it(situation):
    """Nobody ranks before one that is at least as good in everything shown, but for a stated reason."""
    found = answer(situation)
    for before, after in itertools.pairwise(found.ranking):
        stated = before.tied_with or after.tied_with or "trained further" in found.reason(before)
        stated = stated or "ranks behind" in found.reason(after) or len(after.missed) > len(before.missed)
        stated = stated or not after.candidate.checkpoint.is_free_for_commerce or found.request.task == "benchmark"
        if not stated and before.quality is not None and after.quality is not None:
            first, second = before.candidate.needs, after.candidate.needs
            is_dominated = (
                after.quality.value > before.quality.value + 0.001
                and second.seconds.value < first.seconds.value * 0.99
                and second.memory.value < first.memory.value
            )
            assert not is_dominated, f"{before.name} stands before {after.name}"


@EACH
def test_all_times_are_of_one_scale(situation):
    """Whatever was timed: the times of two checkpoints have the ratio of their work."""
    found, alone = answer(situation), recommend(**situation.asked, records=(), at_hand=situation.at_hand)
    estimated = {one.name: one.candidate.needs.seconds.value for one in alone.ranking}
    ratios = [one.candidate.needs.seconds.value / estimated[one.name] for one in found.ranking if one.name in estimated]
    assert not ratios or max(ratios) == pytest.approx(min(ratios), rel=0.05)


def test_situations_are_distinct_and_name_what_exists():
    assert len({one.who for one in SITUATIONS}) == len(SITUATIONS) >= 25
    for situation in SITUATIONS:
        assert situation.why
        assert {name for name in situation.right if "." not in name.removeprefix("sam2.1")} <= NAMES
