"""Doubts: each fault is found by its name, people's masks are trusted, and what is not recorded is not doubted."""

from __future__ import annotations

import numpy as np
import pytest

from samara.annotation.review.doubts import REASONS, doubt_of_image, doubts_of
from samara.annotation.store.plan import Asked
from samara.annotation.store.rows import HUMAN, arrow, mask_schema, mask_table, widened
from tests.annotation.conftest import image_row
from tests.annotation.review.stores import BOX, LIMITS, masks_of

FAULTS = {
    "good": [],
    "unsure": ["low predicted IoU"],
    "disagreeing": ["answers disagree"],
    "leaking": ["leaks out of its box"],
    "small": ["fills little of its box"],
    "scattered": ["fills little of its box", "many parts"],
}


def table_of(*names):
    return mask_table(image_row(1), masks_of(*names), [Asked(box=BOX)] * len(names))


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found(name):
    doubts = doubts_of(table_of(name), LIMITS)
    assert doubts.titles(0) == FAULTS[name]
    assert bool(doubts.scores[0]) == bool(FAULTS[name])


def test_near_duplicates_are_found_in_their_image():
    doubts = doubts_of(table_of("good", "good", "small"), LIMITS)
    assert [doubts.titles(index) for index in range(3)] == [["near duplicate"], ["near duplicate"], FAULTS["small"]]
    assert doubts.texts(0) == ["IoU 1.00 with another mask"]


def test_what_is_worse_scores_higher():
    scores = [REASONS[0].severity(np.array([value]), LIMITS)[0] for value in (0.8, 0.7, 0.5, 0.0, np.nan)]
    assert scores == pytest.approx([0, 0, 2 / 7, 1, 0])
    parts = next(reason for reason in REASONS if reason.title == "many parts")
    assert parts.severity(np.array([2, 3, 6, 300.0]), LIMITS) == pytest.approx([0, 0, 0.5, 0.99])


def test_people_are_not_doubted():
    table = table_of("unsure")
    place = table.schema.get_field_index("made_by")
    made_by = arrow().array([HUMAN], table.schema.field("made_by").type)
    assert not doubts_of(table.set_column(place, "made_by", made_by), LIMITS).scores.any()


def test_a_store_of_an_earlier_version_is_doubted_by_what_it_has():
    table = table_of("leaking", "unsure").drop_columns(["parts", "outside_box", "box_filled", "twin_iou", "answer_iou"])
    doubts = doubts_of(widened(table, mask_schema()), LIMITS)
    assert [doubts.titles(index) for index in range(2)] == [[], ["low predicted IoU"]]


def test_the_doubt_about_an_image_names_its_worst_mask():
    one = doubt_of_image(image_row(7), table_of("leaking", "disagreeing", "scattered"), LIMITS)
    assert one.image_id == 7
    assert one.doubtful == 3
    assert one.text == (
        "1 × answers disagree, 1 × leaks out of its box, 1 × fills little of its box, 1 × many parts; "
        "the worst: 17 parts, fills 17% of its box"
    )
    assert doubt_of_image(image_row(7), table_of("good"), LIMITS) is None
    assert doubt_of_image(image_row(7), table_of(), LIMITS).text == "no mask was found"
