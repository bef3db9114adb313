"""Rows: into tables and back."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from samara.annotation.store.plan import Asked
from samara.annotation.store.rows import annotated_row, image_rows, image_table, mask_table
from samara.system.extras import require
from tests.annotation.conftest import image_row, random_masks


def assert_same(a, b):
    for field in fields(a):
        left, right = getattr(a, field.name), getattr(b, field.name)
        if isinstance(left, np.ndarray):
            np.testing.assert_array_equal(left, right, err_msg=field.name)
        else:
            assert left == right, field.name


def test_images_come_back():
    rows = [
        image_row(1, difference_hash=2**64 - 1, seconds=0.5, georeference="{}"),
        image_row(2, sha256=None, size_bytes=None, height=None, width=None, status="quarantined", reason="is a PDF"),
    ]
    assert list(image_rows(image_table(rows))) == rows
    assert rows[1].size_hw == (0, 0)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_masks_come_back(count):
    masks, row = random_masks(count, count), image_row(7, count)
    if count:
        masks = replace(masks, parent=np.array([-1] + [0] * (count - 1)))
    again = annotated_row(row, mask_table(row, masks), "none")
    if count:
        assert_same(again.masks, masks)
    assert len(again.masks) == count
    assert again.masks.masks().shape == (count, 12, 16)
    assert again.categories == (None,) * count


def test_prompts_and_classes_are_kept():
    masks, row = replace(random_masks(3), points_xy=None, crop_boxes_xyxy=None, stability_score=None), image_row(1)
    masks = replace(masks, prompt_index=np.array([0, 1, 1]))
    asked = [Asked(((1.0, 2.0),), (1,)), Asked(box=(0.0, 0.0, 4.0, 5.0), category="rod")]
    table = mask_table(row, masks, asked)
    rows = table.to_pylist()
    assert [one["prompt_kind"] for one in rows] == ["points", "box", "box"]
    assert rows[0]["prompt_points"] == [1.0, 2.0]
    assert rows[0]["prompt_box"] is None
    assert rows[2]["prompt_box"] == [0.0, 0.0, 4.0, 5.0]
    again = annotated_row(row, table, "none")
    assert again.categories == (None, "rod", "rod")
    assert_same(again.masks, masks)
    assert annotated_row(row, mask_table(row, masks, asked, ["a", "b", "c"]), "none").categories == ("a", "b", "c")


def test_areas_and_boxes_are_those_of_the_masks():
    masks, row = random_masks(5), image_row(1)
    for number, one in enumerate(mask_table(row, masks).to_pylist()):
        mask = masks.mask(number)
        ys, xs = mask.nonzero()
        assert one["area"] == mask.sum()
        assert (one["x0"], one["y0"], one["x1"], one["y1"]) == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
        assert one["image_sha256"] == row.sha256


def test_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match=r"samara\[annotate\]"):
        require("pyarrow.parquet", "annotate", "an annotation store")
