"""Class names and paths of YOLO data sets: exactly as they stand there, or a sentence."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samara.datasets.reading.findings import Findings
from samara.datasets.reading.yolo_names import NUMBERED, find_description, name_of_class, read_names, read_yaml
from samara.errors import DatasetError

CATS = {0: "cat", 1: "traffic light"}


def read(tmp_path, text):
    path = tmp_path / "pets.yaml"
    path.write_bytes(text.encode())
    return read_yaml(path)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("names: [cat, traffic light]", CATS),
        ("nc: 2\nnames: ['cat', \"traffic light\"]  # two\ntrain: x", CATS),
        ("names: [\n  'cat',\n  'traffic light',\n]\n", CATS),
        ("names: {0: cat, 1: 'traffic light'}", CATS),
        ("names:\n  0: cat\n  1: traffic light  # red\n\ntrain: images/train", CATS),
        ("path: .\nnames: # classes\n- cat\n# more\n- 'traffic light'\nnc: 2\n", CATS),
        ("names:\r\n  0: cat\r\n  1: traffic light\r\n", CATS),
        ("\ufeffnames: [cat, traffic light]", CATS),
        ('names:\n  "0": cat\n  \'1\': traffic light\n', CATS),
        ("names: ['it''s', \"a \\\"b\\\"\", 'x, y]']", {0: "it's", 1: 'a "b"', 2: "x, y]"}),
        ("names: {3: cat}", {3: "cat"}),
        ("names: [men's shoe, C#, C++, a:b]", {0: "men's shoe", 1: "C#", 2: "C++", 3: "a:b"}),
        ("names:\n  - men's shoe\n  - C#\n  - 'yes: no'\n", {0: "men's shoe", 1: "C#", 2: "yes: no"}),
        # What YAML takes for something else keeps its letters.
        ("names: [no, on, 1e3, 2024-01-01, 0x1F, null, 1:30]", dict(enumerate(
            ["no", "on", "1e3", "2024-01-01", "0x1F", "null", "1:30"]))),
        ("names:\n  - |\n    cat\n", {0: "cat\n"}),
        ("", None),
        ("nc: 2", None),
        ("names:", None),
        ("names: []", None),
        ("model:\n  names: [cat]", None),
    ],
)  # fmt: skip
def test_names(tmp_path, text, names):
    assert read(tmp_path, text).names == names


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("names: cat", "the names 'cat'"),
        ("names: [cat", "is not YAML"),
        ("names: [cat}", "is not YAML"),
        ("names: {cat, dog}", "'cat' among the class numbers"),
        ("names: [0: cat]", "for class 0"),
        ("names: {0: cat, 0: dog}", "the key '0' twice"),
        ("names: {0: cat, 00: dog}", "names one class twice"),
        ("names: {99999999999999999999: cat}", "whole numbers"),
        ("names:\n  - cat\n  1: dog\n", "is not YAML"),
        ("names: [a, b]\nnames: [c, d]", "the key 'names' twice"),
        ("names: ['']", "for class 0"),
        ("nc: 3\nnames: [a, b]", "2 names, but nc is '3'"),
        ("kpt_shape: [17, 3]\nnames: [a]", "key points"),
        ("path: [a, b]", "the path"),
        ("train: {a: b}", "as train"),
        ("val: a\nvalid: b", "both val and valid"),
        ("just text", "no keys"),
        ("--- {a: b}\n--- {c: d}\n", "is not YAML"),
        ("names: !!python/object/apply:os.system ['touch owned']", "has the tag"),
        ("names: !!int '5'", "has the tag"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nnames: [*b, *b]", "alias"),
        ("a: &a\n  b: *a\n", "alias"),
        ("names: [cat\ttail]\n\tx", "is not YAML"),
    ],
)
def test_what_is_not_sure_is_told(tmp_path, monkeypatch, text, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError, match=sentence) as caught:
        read(tmp_path, text)
    assert "pets.yaml" in str(caught.value)
    assert len(str(caught.value)) < 400
    assert [path.name for path in tmp_path.iterdir()] == ["pets.yaml"]


def test_hostile_files_end_quickly(tmp_path):
    bomb = "a0: &a0 [x, x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40))
    for text in (bomb, "names: " + "[" * 50_000, "nc: " + "9" * 50_000, "names: [a" + " " * 200_000, "x" * (2 << 20)):
        with contextlib.suppress(DatasetError):
            read(tmp_path, text)
    with pytest.raises(DatasetError, match="bytes, too many"):
        read(tmp_path, "x" * (2 << 20))


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("names:[]{},'\"-# \n\\019ab&*!|>") | st.characters(exclude_categories=["Cs"])))
def test_any_yaml_is_understood_or_told(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(f"names: {text}".encode())
    with contextlib.suppress(DatasetError):
        names = read_yaml(path).names
        assert names is None or all(isinstance(name, str) for name in names.values())


def test_parts_and_root_stand_as_written(tmp_path):
    found = read(tmp_path, "path: ../pets\ntrain: [a, b]\nvalidation: c\ntest:\ndownload: https://x/y.zip\n")
    assert (found.root, found.parts, found.download) == ("../pets", {"train": ("a", "b"), "val": ("c",)}, True)


@pytest.mark.parametrize(
    "name", ["data.yaml", "data.yml", "dataset.yaml", "pets.yaml", "pets.yml", "classes.txt", "labels/classes.txt"]
)
def test_a_folder_is_described_under_any_usual_name(tmp_path, name):
    (tmp_path / "labels").mkdir()
    (tmp_path / name).write_text("men's shoe\nC#\n" if name.endswith(".txt") else "names: [men's shoe, C#]\n")
    assert find_description(tmp_path).names == {0: "men's shoe", 1: "C#"}


def test_several_yamls_are_not_chosen_from(tmp_path):
    assert find_description(tmp_path) is None
    for name in ("one.yaml", "two.yml"):
        (tmp_path / name).write_text("names: [a]")
    with pytest.raises(DatasetError, match="2 yaml files, such as 'one.yaml' and 'two.yml'"):
        find_description(tmp_path)
    (tmp_path / "data.yaml").write_text("names: [b]")
    assert find_description(tmp_path).names == {0: "b"}


def test_a_list_with_a_gap_has_no_sure_numbers(tmp_path):
    path = tmp_path / "classes.txt"
    path.write_bytes(b"\xef\xbb\xbfcat\r\ndog\r\n\r\n")
    assert read_names(path) == {0: "cat", 1: "dog"}
    path.write_text("cat\n\ndog\n")
    with pytest.raises(DatasetError, match=r"Line 2 of .*classes.txt' is empty"):
        read_names(path)
    path.write_text("")
    assert read_names(path) is None


def test_numbers_stand_for_names_and_it_is_told(tmp_path):
    findings = Findings("x")
    assert name_of_class(3, None, "Line 1", findings) == "3"
    assert findings.sentences() == [f"x: 1 {NUMBERED}"]
    with pytest.raises(DatasetError, match=r"Line 1 is of class 3, which pets.yaml does not name"):
        name_of_class(3, read(tmp_path, "names: [a]"), "Line 1", findings)
