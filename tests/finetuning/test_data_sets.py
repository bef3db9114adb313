"""What a user has becomes training and validation images: their own division counts, and tests stay unseen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from samara.datasets.ground_truth import LabelledImage
from samara.datasets.reading.findings import ReadingRules
from samara.errors import DatasetError
from samara.finetuning.data_sets import SetPaths, Sets, SetSize, read_sets
from tests.datasets import written_by


def yolo(folder, *images):
    """A YOLO-seg data set with a square in each image, and a data.yaml."""
    for name in images:
        label = folder / Path(name.replace("images", "labels")).with_suffix(".txt")
        for path in (folder / name, label):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30)).save(folder / name)
        label.write_text("0 0.2 0.2 0.8 0.2 0.8 0.8 0.2 0.8\n")
    (folder / "data.yaml").write_text("names: [square]\n")
    return folder


def names(images):
    return [Path(image.name).name for image in images]


def read(train, *, images=None, validation=None, fraction=0.5):
    sets = read_sets(SetPaths(train=train, images=images, validation=validation), fraction, 0)
    return names(sets.training), names(sets.validation)


@pytest.mark.parametrize("layout", ["images/{part}/{name}.png", "{part}/images/{name}.png"])
@pytest.mark.parametrize("held_out", ["val", "valid"])
@pytest.mark.parametrize("given", ["", "data.yaml"])
def test_a_yolo_data_set_divides_itself(tmp_path, layout, held_out, given):
    if layout.startswith("images") and held_out == "valid":
        held_out = "val"
    places = [("train", "a"), ("train", "b"), (held_out, "c"), ("test", "d")]
    yolo(tmp_path, *(layout.format(part=part, name=name) for part, name in places))
    assert read(tmp_path / given) == (["a.png", "b.png"], ["c.png"])


def test_without_a_validation_folder_the_training_folder_is_divided(tmp_path):
    yolo(tmp_path, *(f"images/train/{name}.png" for name in "abcdef"), "images/test/z.png")
    training, held_out = read(tmp_path)
    assert sorted(training + held_out) == [f"{name}.png" for name in "abcdef"]
    assert training
    assert held_out


def test_of_two_data_sets_each_gives_its_part(tmp_path):
    one = yolo(tmp_path / "one", "images/train/a.png", "images/val/b.png")
    two = yolo(tmp_path / "two", "images/train/c.png", "images/val/d.png")
    flat = yolo(tmp_path / "flat", "images/e.png")
    assert read(one, validation=two) == (["a.png"], ["d.png"])
    assert read(one, validation=flat) == (["a.png"], ["e.png"])
    assert read(flat, validation=one) == (["e.png"], ["b.png"])


def test_refusals(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        read(tmp_path / "instances.json")
    row = {"id": 1, "file_name": "a.png", "width": 40, "height": 30}
    (tmp_path / "instances.json").write_text(json.dumps({"images": [row], "annotations": []}))
    with pytest.raises(DatasetError, match="pass their folder with `images`"):
        read(tmp_path / "instances.json")
    with pytest.raises(DatasetError, match="has only one image"):
        read(yolo(tmp_path, "images/a.png"))


def test_a_yaml_is_obeyed(tmp_path):
    path = written_by.ultralytics(tmp_path)
    assert read(path) == (["train.png"], ["val.png"])
    assert read(written_by.roboflow_yolo(tmp_path / "roboflow")) == (["train.png"], ["valid.png"])
    path.write_text(path.read_text().replace("train: images", "x: images"))
    with pytest.raises(DatasetError, match="images for val but none for train"):
        read(path)
    path.write_text(path.read_text().replace("images/val2017", "images/gone"))
    with pytest.raises(DatasetError, match="val: images/gone"):
        read(path)


def test_images_for_nothing_are_not_trained_on(tmp_path):
    yolo(tmp_path, "images/val2017/a.png", "images/test2017/b.png")
    with pytest.raises(DatasetError, match="images for val and test but none for train"):
        read(tmp_path)
    other = yolo(tmp_path / "other", "images/train/a.png", "images/test/b.png")
    with pytest.raises(DatasetError, match="none for val; pass a data set with some as `validation`"):
        read(yolo(tmp_path / "flat", "images/c.png"), validation=other)


def test_crowds_can_be_learnt_from(tmp_path):
    path, images = written_by.cvat(tmp_path), tmp_path / "images" / "default"
    paths = SetPaths(train=path, images=images, validation=path)
    sets = read_sets(paths, 0.5, 0, rules=ReadingRules(crowds="objects"))
    both = [*sets.training, *sets.validation]
    assert [one.is_crowd for image in both for one in image.instances] == [False] * 4


def test_what_was_mended_is_told_of_both_sets(tmp_path):
    path = written_by.coco(tmp_path / "x.json", [written_by.image(width=None)], [written_by.annotation()])
    written_by.draw(tmp_path / "a.png")
    told = []
    read_sets(SetPaths(train=path, validation=path), 0.5, 0, notice=told.append)
    assert ["no width and height" in one for one in told] == [True, True]


def test_a_test_set_is_read_as_its_data_set_says(tmp_path):
    one = yolo(tmp_path / "one", "images/train/a.png", "images/val/b.png", "images/test/c.png")
    flat = yolo(tmp_path / "flat", "images/d.png")
    assert read_sets(SetPaths(train=one), 0.5, 0).test == ()
    assert names(read_sets(SetPaths(train=one, test=one), 0.5, 0).test) == ["c.png"]
    assert names(read_sets(SetPaths(train=one, test=flat), 0.5, 0).test) == ["d.png"]
    other = yolo(tmp_path / "other", "images/train/a.png", "images/val/b.png")
    with pytest.raises(DatasetError, match="none for test; pass a data set with some as `test`"):
        read_sets(SetPaths(train=one, test=other), 0.5, 0)


def test_sizes_of_the_sets_are_told(tmp_path):
    sets = read_sets(SetPaths(train=yolo(tmp_path, *(f"images/{number}.png" for number in range(10)))), 0.2, 0)
    assert list(sets.sentences()) == [
        "training: 7 images, 7 objects (1 in each)",
        "validation, 3 of 10 images held out, stratified by objects: 3 images, 3 objects (1 in each)",
    ]
    images = [replace(image, collection="ab"[index % 2]) for index, image in enumerate(sets.training)]
    told = list(Sets([replace(images[0], instances=()), *images[1:]], images[:1], images[:1]).sentences())
    assert told[0] == "training: 7 images, 6 objects (0 to 1 in each); images by source: a 4, b 3"
    assert told[1:] == ["validation, given: 1 image, 1 object (1 in each)", "test: 1 image, 1 object (1 in each)"]


def test_the_sizes_are_counted():
    image = LabelledImage(Path("a.png"), (4, 4), (), "a.png", None)
    assert Sets([image] * 3, [image]).sizes == {"training": SetSize(3, 0), "validation": SetSize(1, 0)}
    assert Sets([image], [image], [image]).sizes["test"] == SetSize(1, 0)
