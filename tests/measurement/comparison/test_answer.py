"""What to use: only what the measurements say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from samara.measurement.comparison.answer import answers
from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.differences import Difference
from samara.measurement.evaluation.averages import Average
from samara.measurement.records.records import Interval
from tests.measurement.comparison.samples import all_of, comparison, number, subject


def two(slow=4.0, box=(0.8, 0.75)):
    """A good one, and one that is faster."""
    names = ("good", "quick")
    for name, scale, iou in zip(names, (slow, 1.0), box, strict=True):
        yield from all_of(subject(name), scale=scale)
        yield number(subject(name), "box_iou", iou, domain="cells")


def shown(**changes):
    return Comparison(tuple(one for one in two(**changes) if one.domain in (None, "cells")))


def difference(low, high):
    interval = Interval(low=low, high=high, kind="95 % bootstrap")
    return Difference("good", "quick", "cells", "box_iou", Average((low + high) / 2, interval, 40, 8))


def test_the_faster_of_two_that_cannot_be_told_apart():
    (answer,) = answers(shown(), [difference(-0.01, 0.11)])
    assert answer.advice.startswith("Use quick: it is not measurably worse than good")
    assert "1.25 s for a new image and a click instead of 5.00 s (4.00 times as fast)" in answer.advice


def test_the_better_one_if_chance_does_not_explain_it():
    (answer,) = answers(shown(), [difference(0.01, 0.09)])
    assert answer.advice.startswith("good has the best masks (IoU from boxes 0.800). quick comes after it")
    assert answer.advice.endswith(
        "good − quick, with its 95 % interval: +0.050 (+0.010 to +0.090), 40 objects in 8 images."
    )
    assert "chance" not in answer.advice


def test_equal_masks_of_equal_speed_are_said_to_be_equal():
    (answer,) = answers(shown(slow=0.5), [difference(-0.01, 0.11)])
    assert answer.advice == (
        "The masks of good and quick cannot be told apart (IoU from boxes 0.800 and 0.750), and no other with measured "
        "masks is faster. good − quick, with its 95 % interval: +0.050 (−0.010 to +0.110), 40 objects in 8 images."
    )


def test_a_single_image_tells_nothing_apart_and_nothing_equal():
    one = difference(-0.01, 0.11)
    alone = replace(one, mean=replace(one.mean, interval=None, images=1))
    (answer,) = answers(shown(), [alone])
    assert answer.advice.startswith("good has the best masks")
    assert answer.advice.endswith("+0.050, 40 objects in 1 image.")


def test_without_the_single_scores_nothing_is_said_about_chance():
    (answer,) = answers(shown())
    assert answer.advice.startswith("good has the best masks")
    assert "Whether chance explains differences is unknown" in answer.advice


def test_the_best_that_is_also_the_fastest():
    (answer,) = answers(shown(slow=0.5), [difference(0.01, 0.09)])
    assert answer.advice.startswith(
        "good has the best masks (IoU from boxes 0.800), and no other with measured masks is faster. quick comes after"
    )


def test_another_order_is_told():
    records = [*two(), *(number(subject(name), "centre_click_iou", iou, domain="cells") for name, iou in SWAPPED)]
    (answer,) = answers(Comparison(tuple(one for one in records if one.domain in (None, "cells"))))
    assert "From centre clicks alone, quick leads (IoU from centre clicks 0.600)." in answer.advice
    (answer,) = answers(
        Comparison(tuple(one for one in records if one.domain in (None, "cells"))),
        [difference(0.01, 0.09), replace(difference(-0.3, 0.1), metric="centre_click_iou")],
    )
    assert "alone" not in answer.advice  # chance may explain it


SWAPPED = (("good", 0.5), ("quick", 0.6))


def test_who_leads_in_each_respect():
    (answer,) = answers(shown())
    assert [(pick.role, pick.title, pick.value) for pick in answer.picks] == [
        ("Best masks", "good", "0.800"),
        ("Fastest click", "quick", "1.25 s"),
        ("Least memory", "quick", "1.00 GB"),
    ]


@pytest.mark.parametrize(
    ("records", "sentence"),
    [
        (all_of(subject("a"), iou=None), "No quality was measured here"),
        (all_of(subject("a"), iou=0.5), "a is the only checkpoint here whose masks were measured."),
    ],
)
def test_little_measured_is_little_said(records, sentence):
    (answer,) = answers(Comparison(tuple(records)))
    assert answer.advice.startswith(sentence)
    assert [pick.role for pick in answer.picks] == ([] if "No quality" in sentence else ["Best masks"])


def test_machines_are_not_mixed():
    cpu, gpu = answers(comparison())
    assert (cpu.place, gpu.place) == ("Chip One, 2 cores, CPU", "NVIDIA X9")
    assert "NVIDIA" not in " ".join(pick.title for pick in cpu.picks)
    assert gpu.advice.startswith("No quality was measured here")
