"""Objects of an image become rows, and rows become objects again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from samara.annotation.editing.objects import EditedObject, edited_rows, objects_of, require_objects, revision_of
from samara.annotation.store.plan import Asked
from samara.annotation.store.rows import HUMAN, mask_table
from samara.errors import SettingsError
from samara.masks.rle import encode_mask
from tests.annotation.conftest import image_row
from tests.annotation.review.stores import SIZE, masks_of, square

ROW = image_row(1, 2, height=SIZE[0], width=SIZE[1])
CLICKED = Asked(points=((3.25, 4.0), (20.0, 5.0)), labels=(1, 0), box=(1.0, 2.0, 13.5, 14.0))
DRAWN = EditedObject(name="a1", rle=encode_mask(square(5, 5, 7)), category="cat", predicted_iou=0.5, asked=CLICKED)


@pytest.fixture
def table():
    return mask_table(ROW, masks_of("good", "leaking"))


def test_an_object_comes_back_as_it_was_saved(table):
    row, after = edited_rows(ROW, table, [DRAWN], 2)
    assert row.masks == 1
    assert objects_of(after) == (replace(DRAWN, stability=1.0, made_by=HUMAN),)
    assert after["mask_index"].to_pylist() == [2]
    assert after["prompt_kind"].to_pylist() == ["points and box"]
    assert [after[side][0].as_py() for side in ("x0", "y0", "x1", "y1", "area")] == [5, 5, 12, 12, 49]


def test_a_proposal_that_a_person_keeps_continues_its_row(table):
    proposals = objects_of(table)
    assert [one.name for one in proposals] == ["m0", "m1"]
    _, after = edited_rows(ROW, table, [replace(proposals[1], category="dog")], 2)
    (kept,) = objects_of(after)
    assert kept == replace(proposals[1], category="dog", made_by=HUMAN, stability=1.0)
    assert after["mask_index"].to_pylist() == [1]
    assert after["answer_iou"].to_pylist() == table["answer_iou"].to_pylist()[1:]
    _, redrawn = edited_rows(ROW, after, [replace(kept, rle=DRAWN.rle)], 2)
    assert redrawn["answer_iou"].to_pylist() == [None]
    assert redrawn["mask_index"].to_pylist() == [1]


def test_neighbours_are_compared_anew(table):
    twin = replace(DRAWN, name="a2")
    _, after = edited_rows(ROW, table, [DRAWN, twin], 2)
    assert after["twin_iou"].to_pylist() == [1.0, 1.0]
    hierarchy = mask_table(ROW, replace(masks_of("good", "small"), parent=np.array([-1, 0])))
    _, after = edited_rows(ROW, hierarchy, objects_of(hierarchy)[::-1], 2)
    assert after["parent"].to_pylist() == [0, -1]


def test_a_revision_names_a_state(table):
    _, once = edited_rows(ROW, table, [DRAWN], 2)
    _, again = edited_rows(ROW, once, [DRAWN], 3)
    assert revision_of(once, is_edited=True) == revision_of(again, is_edited=True)
    _, other = edited_rows(ROW, once, [replace(DRAWN, category="dog")], 3)
    revisions = {revision_of(one, is_edited=True) for one in (table, once, other)}
    assert len(revisions | {revision_of(table, is_edited=False)}) == 4


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        ([DRAWN, DRAWN], "'a1'"),
        ([replace(DRAWN, rle=encode_mask(np.ones((3, 4), bool)))], "3 x 4 pixels, the image has 20 x 30"),
        ([replace(DRAWN, rle=encode_mask(np.zeros(SIZE, bool)))], "is empty"),
    ],
)
def test_objects_that_do_not_fit_are_refused(objects, words):
    with pytest.raises(SettingsError, match=words):
        require_objects(objects, SIZE)
