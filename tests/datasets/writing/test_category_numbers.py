"""Numbers of categories: those given first, then as they come."""

from __future__ import annotations

import numpy as np

from samara.datasets.annotated import AnnotatedImage
from samara.datasets.writing.category_numbers import Categories, category_name
from tests.datasets.awkward import HOLE, PARTS, annotated
from tests.masks.test_mask_set import mask_set


def test_numbers_go_on_behind_those_given():
    categories = Categories(("dog", "cat"), first=5)
    image = annotated([HOLE, PARTS], categories=("cat", "bird"))
    assert categories.numbers_of(image) == categories.numbers_of(image) == [6, 7]
    assert dict(categories.numbers) == {"dog": 5, "cat": 6, "bird": 7}


def test_masks_without_category_are_objects():
    categories = Categories((), first=1)
    assert dict(categories.numbers) == {"object": 1}  # formats want at least one
    assert categories.numbers_of(annotated([HOLE])) == [1]
    assert category_name(annotated([HOLE]), 0) == "object"


def test_classes_of_the_checkpoint_are_all_numbered():
    classes = {"class_names": ("cat", "dog", "cow"), "class_index": np.array([2, 0])}
    image = AnnotatedImage("a.png", mask_set([HOLE, PARTS], **classes), 1)
    categories = Categories((), first=1)
    assert categories.numbers_of(image) == [3, 1]
    assert dict(categories.numbers) == {"cat": 1, "dog": 2, "cow": 3}
    assert category_name(image, 0) == "cow"
    # What was given for the masks counts before what the checkpoint says.
    assert category_name(AnnotatedImage("a.png", image.masks, 1, categories=("x", "y")), 0) == "x"


def test_an_image_without_masks_tells_the_classes_too():
    classes = {"class_names": ("cat", "dog"), "class_index": np.zeros(0, int)}
    categories = Categories((), first=0)
    assert categories.numbers_of(AnnotatedImage("a.png", mask_set(np.zeros((0, 4, 5)), **classes), 1)) == []
    assert dict(categories.numbers) == {"cat": 0, "dog": 1}
