"""A yaml is obeyed as Ultralytics obeys it, or refused; folders without one go by their names."""

from __future__ import annotations

import os

import pytest

from samara.datasets.reading import yolo_layout
from samara.datasets.reading.findings import Findings, ReadingRules
from samara.datasets.reading.yolo import open_yolo
from samara.errors import DatasetError
from tests.datasets.written_by import SQUARE_LINE, draw, roboflow_yolo, ultralytics


def pair(folder, place, name, label=SQUARE_LINE):
    """An image in `place` (which has a part "images") and its label."""
    draw(folder / place / f"{name}.png")
    text = folder / place.replace("images", "labels") / f"{name}.txt"
    text.parent.mkdir(parents=True, exist_ok=True)
    if label is not None:
        text.write_text(label)


def described(folder, text, name="pets.yaml"):
    (folder / name).write_text(text)
    return folder / name


def parts(path, **rules):
    told = []
    data = open_yolo(path, None, ReadingRules(**rules), told.append)
    return {part: [image.path.stem for image in images] for part, images in data.parts.items()}, told


def test_the_yaml_is_opened_and_obeyed(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    found, told = parts(ultralytics(tmp_path))
    assert found == {"train": ["train"], "val": ["val"]}
    assert told == []


@pytest.mark.parametrize("root", ["path: .\n", "path: {here}\n", "path: ../{name}\n", "path: {name}\n", ""])
def test_path_is_seen_from_the_yaml(tmp_path, monkeypatch, root):
    monkeypatch.chdir("/")
    data = tmp_path / "pets"
    pair(data, "images/a", "x")
    pair(data, "images/b", "y")
    text = root.format(here=data, name=data.name) + "train: images/a\nval: images/b\nnames: [cat]\n"
    assert parts(described(data, text))[0] == {"train": ["x"], "val": ["y"]}


def test_path_may_be_seen_from_the_working_directory(tmp_path, monkeypatch):
    pair(tmp_path / "sets" / "pets", "images/a", "x")
    (tmp_path / "yamls").mkdir()
    monkeypatch.chdir(tmp_path)
    path = described(tmp_path / "yamls", "path: sets/pets\ntrain: images/a\n")
    assert parts(path)[0] == {"train": ["x"]}


def test_lists_of_folders_and_list_files(tmp_path):
    for place, name in (("images/a", "x"), ("images/b", "y"), ("images/c", "z"), ("images/c", "w")):
        pair(tmp_path, place, name)
    (tmp_path / "val.txt").write_bytes(
        b"\xef\xbb\xbf./images/c/z.png\r\n\r\n" + str(tmp_path).encode() + b"/images/c/w.png\r\n"
    )
    path = described(tmp_path, "train: [images/a, images/b]\nval: val.txt\nnames: [cat]\n")
    assert parts(path)[0] == {"train": ["x", "y"], "val": ["z", "w"]}


def test_labels_beside_the_images(tmp_path):
    draw(tmp_path / "a" / "x.png")
    (tmp_path / "a" / "x.txt").write_text(SQUARE_LINE)
    assert parts(described(tmp_path, "train: a\n"))[0] == {"train": ["x"]}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("path: /nowhere/pets\ntrain: images/a\n", "path: /nowhere/pets, which is not a folder"),
        ("train: images/none\n", "train: images/none, and .* is neither a folder nor a list"),
        ("train: images/none\ndownload: https://x/y.zip\n", "samara ignores download"),
        ("path: none\ntrain: a\ndownload: x\n", "samara ignores download"),
        ("train: images/a\nval: images.zip\n", "val: images.zip"),
        ("train: list.txt\n", "2 of the 2 images in .*list.txt' are missing"),
        ("train: empty/images\n", "contains no images"),
        ("train: images/unlabelled\n", "none of the 1 images .* has a label file; the first was expected at"),
    ],
)
def test_what_cannot_be_obeyed_is_told(tmp_path, text, sentence):
    pair(tmp_path, "images/a", "x")
    pair(tmp_path, "images/unlabelled", "y", label=None)
    (tmp_path / "empty" / "images").mkdir(parents=True)
    (tmp_path / "images.zip").touch()
    (tmp_path / "list.txt").write_text("gone.png\nalso.png\n")
    with pytest.raises(DatasetError, match=sentence):
        parts(described(tmp_path, text))


def test_a_moved_data_set_is_found_by_its_folder(tmp_path):
    pair(tmp_path, "images/a", "x")
    described(tmp_path, "path: /content/pets\ntrain: images/a\nnames: [cat]\n")
    found, told = parts(tmp_path)
    assert found == {"train": ["x"]}
    assert yolo_layout.MOVED in told[0]


def test_train_and_val_alike_are_no_division(tmp_path):
    pair(tmp_path, "images", "x")
    pair(tmp_path, "images", "y")
    found, told = parts(described(tmp_path, "train: images\nval: images\n"))
    assert found == {"train": ["x", "y"]}
    assert yolo_layout.UNDIVIDED in told[0]


def test_what_has_no_label_or_is_no_image_is_counted(tmp_path):
    pair(tmp_path, "images", "x")
    pair(tmp_path, "images", "y", label=None)
    (tmp_path / "images" / "z.mp4").touch()
    told = parts(tmp_path)[1]
    assert any(f"1 {yolo_layout.WITHOUT_LABEL}" in one for one in told)
    assert any(f"1 {yolo_layout.NO_IMAGES}" in one for one in told)


def test_orphans_and_bad_lines_can_be_left_out(tmp_path):
    pair(tmp_path, "images/train", "x", SQUARE_LINE + "0 0.5 0.5 0.1 0.1\n" + SQUARE_LINE)
    (tmp_path / "labels" / "train" / "gone.txt").write_text(SQUARE_LINE)
    for path in (tmp_path, described(tmp_path, "train: images/train\n")):
        with pytest.raises(DatasetError, match=r"2 entries(.|\n)*is a box(.|\n)*|2 entries(.|\n)*have no image"):
            parts(path)
        told = parts(path, skip_bad=True)[1]
        assert any("2 bad entries were left out" in one for one in told)
        assert any("1 lines are duplicates in their label file" in one for one in told)


def test_years_belong_to_the_names_of_folders(tmp_path):
    for part in ("train2017", "val2017", "test2017"):
        pair(tmp_path, f"images/{part}", part)
    assert parts(tmp_path)[0] == {"train": ["train2017"], "val": ["val2017"], "test": ["test2017"]}


def test_images_apart_from_their_labels(tmp_path):
    data = roboflow_yolo(tmp_path / "data").parent
    (data / "labels").mkdir()
    (data / "labels" / "x.txt").write_text(SQUARE_LINE)
    draw(tmp_path / "photos" / "x.png")
    draw(tmp_path / "photos" / "y.png")
    findings = Findings("data")
    layout = yolo_layout.find_layout(data, tmp_path / "photos", findings)
    assert [pair.name for pair in layout.pairs] == ["x.png"]
    assert findings.sentences() == [f"data: 1 {yolo_layout.UNASKED}"]


def test_folders_that_cannot_be_listed_are_told(tmp_path, monkeypatch):
    pair(tmp_path, "images/train", "x")
    (tmp_path / "images" / "train" / "again").symlink_to(tmp_path / "images")
    assert any(f"1 {yolo_layout.LOOPS}" in one for one in parts(tmp_path)[1])
    scan = os.scandir

    def closed(path):
        if str(path).endswith("labels/train"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(DatasetError, match=r"labels/train' \(Permission denied\) cannot be listed; make it readable"):
        parts(tmp_path)
