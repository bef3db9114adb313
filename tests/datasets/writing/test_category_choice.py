"""Categories as somebody wants them: their order, their names, some of them; what is left out is counted."""

from __future__ import annotations

import json

import numpy as np
import pytest

from samara.datasets.annotated import AnnotatedImage
from samara.datasets.writing.category_choice import CategoryChoice, read_categories
from samara.errors import DatasetError, SettingsError
from tests.datasets.awkward import BORDER, HOLE, PARTS, annotated
from tests.masks.test_mask_set import mask_set

IMAGES = [
    annotated([BORDER, HOLE, PARTS], "a.png", 1, categories=("bird", "cat", "kitten")),
    annotated([HOLE], "b.png", 2),
    annotated([], "c.png", 3),
]


def test_renamed_and_in_order():
    choice = CategoryChoice({"dog": "dog", "kitten": "cat", "cat": "cat", "object": "thing"})
    assert choice.in_order == ("dog", "cat", "thing")
    first, second, third = choice.apply(IMAGES)
    assert first.categories == ("bird", "cat", "cat")
    assert first.masks is IMAGES[0].masks
    assert second.categories == ("thing",)
    assert third.categories == ()
    assert choice.left_out == {}
    assert choice.missing == ("dog",)


def test_only_some_of_them():
    choice = CategoryChoice({"cat": "cat"}, only=True)
    first, second, third = choice.apply(IMAGES)
    assert first.categories == ("cat",)
    assert first.masks.rles == (IMAGES[0].masks.rles[1],)
    assert (len(second.masks), len(third.masks)) == (0, 0)
    assert choice.left_out == {"bird": 1, "kitten": 1, "object": 1}
    assert choice.missing == ()


def test_parts_are_found_again_among_those_that_are_kept():
    image = AnnotatedImage(
        "a.png", mask_set([HOLE, PARTS, BORDER]).with_hierarchy(), 1, categories=("part", "other", "whole")
    )
    assert image.masks.parent.tolist() == [2, 2, -1]
    (chosen,) = CategoryChoice({"part": "part", "whole": "whole"}, only=True).apply([image])
    assert chosen.masks.parent.tolist() == [1, -1]


def test_classes_of_a_checkpoint_are_chosen_alike():
    masks = mask_set([HOLE, PARTS], class_names=("cat", "dog"), class_index=np.array([1, 0]))
    (chosen,) = CategoryChoice({"dog": "hound"}, only=True).apply([AnnotatedImage("a.png", masks, 1)])
    assert chosen.categories == ("hound",)
    assert chosen.masks.rles == masks.rles[:1]


NAMES = {"men's shoe": "men's shoe", "C#": "C#", "yes": "yes", "1": "1"}


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        (None, "cat,dog", {"cat": "cat", "dog": "dog"}),
        (None, "kitten=cat, cat ,a b=c d", {"kitten": "cat", "cat": "cat", "a b": "c d"}),
        ("a.txt", "men's shoe\nC#\n\nyes\n1\n", NAMES),
        ("a.names", "\ufeffa, b\nold=new\r\n", {"a, b": "a, b", "old": "new"}),
        ("data.yaml", "train: images\nnames:\n  0: men's shoe\n  1: 'C#'\n  2: 'yes'\n  3: '1'\n", NAMES),
        ("a.yml", "[\"men's shoe\", 'C#', 'yes', '1']", NAMES),
        ("a.json", json.dumps({"names": list(NAMES)}), NAMES),
        ("a.json", json.dumps({"a=b": "c", "d": "d"}), {"a=b": "c", "d": "d"}),
        (
            "many.yaml",
            "names: {" + ", ".join(f"{n}: c{n}" for n in range(12)) + "}",
            {f"c{n}": f"c{n}" for n in range(12)},
        ),
    ],
)
def test_what_users_write(tmp_path, file, text, expected):
    if file is not None:
        (tmp_path / file).write_text(text, encoding="utf-8")
        text = str(tmp_path / file)
    choice = read_categories(text, only=True)
    assert list(choice.names.items()) == list(expected.items())
    assert choice.only


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        (None, "cat,cat", "lists a category twice; use names separated by commas"),
        ("a.txt", "\n", "lists nothing"),
        ("a.yaml", "names: {0: cat, 2: dog}", "all of them text"),
        ("a.yaml", "[cat, yes]", "all of them text"),
        ("a.yaml", "a: [", "is not YAML or JSON"),
        ("a.json", "3", "the file must list names"),
        ("a.yaml", "[!!python/object/apply:os.getcwd []]", "is not YAML or JSON"),
        (None, "missing.txt", "the file cannot be read"),
    ],
)
def test_what_is_not_accepted(tmp_path, file, text, why):
    if file is not None:
        (tmp_path / file).write_text(text, encoding="utf-8")
        text = str(tmp_path / file)
    with pytest.raises(SettingsError, match=why):
        read_categories(text)


@pytest.mark.parametrize("text", ["", "a,", "a=", "=b"])
def test_names_are_names(text):
    with pytest.raises(DatasetError, match="use a single line of text"):
        read_categories(text)
