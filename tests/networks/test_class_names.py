"""Names of classes: COCO's, and those of files, which may be anything."""

from __future__ import annotations

import json

import pytest

from samara.networks.class_names import COCO, MAX_LENGTH, fitting_names, names_in_file, numbered


def test_coco_has_80_different_classes_in_the_known_order():
    assert len(set(COCO)) == len(COCO) == 80
    known = {0: "person", 2: "car", 15: "cat", 16: "dog", 39: "bottle", 56: "chair", 63: "laptop", 79: "toothbrush"}
    assert {index: COCO[index] for index in known} == known
    assert all(name == name.strip().lower() for name in COCO)


def test_names_are_read_by_index():
    assert names_in_file('{"1": "b", "0": "a"}') == ("a", "b")
    assert names_in_file(json.dumps(dict(enumerate(COCO)))) == COCO
    assert names_in_file("{}") == ()


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "no JSON",
        "null",
        "[]",
        '"a"',
        "3",
        '{"0": 1}',
        '{"0": "a", "2": "c"}',
        '{"1": "a"}',
        '{"a": "b"}',
        "[" * 100_000,
        '{"0":' * 50_000,
    ],
)
def test_anything_else_is_none(text):
    assert names_in_file(text) is None


def test_names_cannot_write_to_terminals():
    (name,) = names_in_file(json.dumps({"0": "a\x1b[31mred\x07\nnext\u202eline"}))
    assert name == "a [31mred  next line"
    assert names_in_file(json.dumps({"0": "\n\x00 ", "1": "x" * 1000})) == ("class 0", "x" * MAX_LENGTH)
    assert names_in_file(json.dumps({"0": "Ahornsamen", "1": "楓"})) == ("Ahornsamen", "楓")


def test_numbered():
    assert numbered(2) == ("class 0", "class 1")


def test_names_that_are_not_the_files_own_are_told():
    assert fitting_names('{"0": "nut"}', 1, ("object",)) == (("nut",), "")
    assert fitting_names(None, 1, ("object",)) == (("object",), "")
    names, told = fitting_names("no JSON", 1, ("object",))
    assert (names, told) == (("object",), "1 class without usable names, default names used instead")
    names, told = fitting_names('{"0": "nut"}', 2, ("object",))
    assert (names, told) == (numbered(2), "2 classes but names for 1, numbered instead")
    assert fitting_names(None, 2, ())[1] == "2 classes without usable names, numbered instead"
