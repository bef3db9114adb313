"""Before and after: sums, and a choice of examples that cannot show gains alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from samara.finetuning.before_after import AnswersBeforeAndAfter, ComparedImage, ComparedObject, ComparedSet
from samara.masks.rle import encode_mask
from samara.segmentation.prompts import Prompt

MASK = encode_mask(np.ones((2, 2), dtype=bool))


def answers(before, after):
    return AnswersBeforeAndAfter(Prompt([0, 0]), MASK, MASK, before, after)


def compared(*changes, box=0.0):
    """One image with an object for each change of its click."""
    objects = tuple(ComparedObject(MASK, answers(0.5, 0.5 + change), answers(0.5, 0.5 + box)) for change in changes)
    return ComparedImage(Path("a.png"), f"{changes}", objects)


def test_every_object_counts_the_same():
    score = ComparedSet((compared(0.4), compared(-0.1, 0.0, 0.005))).score("click")
    assert score.before == 0.5
    assert score.after == pytest.approx(0.5 + 0.305 / 4)
    assert (score.better, score.worse, score.objects) == (1, 1, 4)


def test_click_and_box_are_told_apart():
    of = ComparedSet((compared(0.2, box=-0.4),))
    assert of.score("click").change == pytest.approx(0.2)
    assert of.score("box").change == pytest.approx(-0.4)
    assert of.images[0].change == pytest.approx(-0.1)
    assert of.objects[0].worst_change == pytest.approx(-0.4)


@pytest.mark.parametrize(
    ("changes", "most", "best", "worst"),
    [
        ([0.1], 12, [0.1], []),
        ([0.1, -0.2], 12, [0.1], [-0.2]),
        ([-0.2, 0.3, 0.1], 12, [0.3, 0.1], [-0.2]),
        ([0.1, 0.2, 0.3, 0.4, -0.1, 0.0], 4, [0.4, 0.3], [-0.1, 0.0]),
        ([0.1, 0.2, 0.3, 0.4], 2, [0.4], [0.1]),
    ],
)
def test_half_of_the_places_belong_to_the_worst(changes, most, best, worst):
    chosen = ComparedSet(tuple(compared(2 * change) for change in changes)).extremes(most)
    for end, expected in zip(chosen, (best, worst), strict=True):
        assert [image.change for image in end] == pytest.approx(expected)


def test_the_objects_that_lost_most_are_found_among_gains():
    of = ComparedSet((compared(0.4, -0.3, 0.4), compared(-0.005), compared(0.1, -0.4, box=0.3)))
    assert of.images[0].change > 0
    assert [one.click.change for _, one in of.losses(5)] == pytest.approx([-0.4, -0.3])
    assert [image.name for image, _ in of.losses(1)] == [of.images[2].name]


def test_changes_are_paired_and_have_intervals():
    images = tuple(compared(change, change) for change in (0.1, 0.12, 0.14, 0.11))
    one = ComparedSet(images).score("click")
    low, high = one.change_interval
    assert 0.1 <= low < one.change < high <= 0.14
    assert one.is_clear
    assert ComparedSet(images[:1]).score("click").change_interval is None
    assert not ComparedSet((compared(0.1), compared(-0.1))).score("click").is_clear


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ([0.1, 0.2, 0.1], "clearly better"),
        ([-0.1, -0.2, -0.1], "clearly worse"),
        ([0.1, -0.1, 0.1], "could be chance"),
        ([0.0, 0.0, 0.0], "unchanged"),
        ([0.1], "only one image"),
    ],
)
def test_what_an_interval_tells(changes, verdict):
    assert ComparedSet(tuple(compared(change) for change in changes)).score("click").verdict == verdict


def test_boxes_alone():
    one = ComparedObject(MASK, None, answers(0.5, 0.4))
    assert (one.change, one.worst, one.worst_change) == (pytest.approx(-0.1), "box", pytest.approx(-0.1))
    of = ComparedSet((ComparedImage(Path("a.png"), "a", (one,)),))
    assert list(of.scores()) == ["box"]
