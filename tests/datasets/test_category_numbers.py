"""Numbers of categories: those given first, then as they come."""

from __future__ import annotations

from samara.datasets.category_numbers import Categories, category_of
from tests.datasets.awkward import HOLE, PARTS, annotated


def test_numbers_go_on_behind_those_given():
    categories = Categories(("dog", "cat"), first=5)
    image = annotated([HOLE, PARTS], categories=("cat", "bird"))
    assert [categories.number(image, index) for index in (0, 1, 0)] == [6, 7, 6]
    assert dict(categories.numbers) == {"dog": 5, "cat": 6, "bird": 7}


def test_masks_without_category_are_objects():
    categories = Categories((), first=1)
    assert dict(categories.numbers) == {"object": 1}  # formats want at least one
    assert categories.number(annotated([HOLE]), 0) == 1
    assert category_of(annotated([HOLE]), 0) == "object"
