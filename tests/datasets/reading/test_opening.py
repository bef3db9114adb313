"""Every program's data set goes through one door, and what does not is told what to do."""

from __future__ import annotations

import json

import pytest

from samara.datasets.reading.findings import ReadingRules
from samara.datasets.reading.opening import digest_of, is_yolo, open_data_set
from samara.errors import DatasetError
from tests.datasets import written_by

SQUARE_BOX = (10, 10, 20, 20)


def opened(path, images=None, **rules):
    told = []
    return open_data_set(path, images, ReadingRules(**rules), told.append), told


def square(image):
    return [one.rle.box_xyxy for one in image.instances] == [SQUARE_BOX]


@pytest.mark.parametrize(
    ("program", "images"),
    [
        (written_by.roboflow_coco, None),
        (written_by.label_studio_coco, None),
        (written_by.labelme2coco, None),
        (written_by.fiftyone, "data"),
        (written_by.sa1b, None),
        (written_by.label_studio_yolo, None),
        (written_by.ultralytics, None),
        (written_by.roboflow_yolo, None),
    ],
)
def test_programs_are_read(tmp_path, program, images):
    data, _ = opened(program(tmp_path), images and tmp_path / images)
    assert data.images
    assert all(square(image) for image in data.images)


@pytest.mark.parametrize("masks", [True, False])
def test_cvat(tmp_path, masks):
    path = written_by.cvat(tmp_path, masks=masks)
    data, told = opened(path, tmp_path / "images" / "default")
    assert [one.is_crowd for one in data.images[0].instances] == [masks, masks]
    assert told == []
    data, _ = opened(path, tmp_path / "images" / "default", crowds="objects")
    assert [one.is_crowd for one in data.images[0].instances] == [False, False]
    assert {one.rle.box_xyxy for one in data.images[0].instances} == {SQUARE_BOX}


def test_yolo_keeps_names_and_parts(tmp_path):
    data, told = opened(written_by.roboflow_yolo(tmp_path))
    assert {image.instances[0].category for image in data.images} == {"men's shoe"}
    assert {part: [one.name for one in images] for part, images in data.parts.items()} == {
        "train": ["train/images/train.png"],
        "val": ["valid/images/valid.png"],
    }
    assert ["test images" in sentence for sentence in told] == [True]


def test_one_file_of_sa1b_is_enough(tmp_path):
    folder = written_by.sa1b(tmp_path, "sa_1")
    data, _ = opened(folder / "sa_1.json")
    assert square(data.images[0])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"version": "5", "shapes": [], "imagePath": "a.jpg"}, "labelme file, .*labelme2coco"),
        ([{"id": 1, "data": {"image": "a"}, "annotations": []}], "Label Studio .*export as COCO"),
        ([{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 1}], "COCO results"),
        ({"_via_img_metadata": {}}, "VIA"),
        ({"samples": []}, "FiftyOne"),
    ],
)
def test_other_programs_files_are_named(tmp_path, content, sentence):
    path = tmp_path / "x.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=sentence):
        open_data_set(path)


@pytest.mark.parametrize(
    ("files", "given", "sentence"),
    [
        (["SegmentationClass/a.png", "JPEGImages/a.jpg"], "", "Pascal VOC"),
        (["a.xml"], "a.xml", "Pascal VOC"),
        (["masks.csv", "a.png"], "", "label images"),
        (["a.png"], "", "neither a folder images nor a .json"),
        (["a.jsonl"], "a.jsonl", "no supported masks"),
        ([], "absent.json", "cannot be read"),
        (["pack.json"], "", "SA-1B"),
    ],
)
def test_what_is_not_read_is_told(tmp_path, files, given, sentence):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    with pytest.raises(DatasetError, match=sentence):
        open_data_set(tmp_path / given)


def test_a_digest_follows_the_content(tmp_path):
    yolo = written_by.ultralytics(tmp_path / "yolo")
    folder = written_by.sa1b(tmp_path / "sa1b")
    assert is_yolo(yolo)
    assert not is_yolo(folder)
    before = digest_of(yolo, None), digest_of(folder, None)
    assert before == (digest_of(yolo, None), digest_of(folder, None))
    label = next((tmp_path / "yolo" / "coco8-seg" / "labels").rglob("*.txt"))
    label.write_text(label.read_text() * 2)
    (folder / "sa_1.json").write_text("{}")
    after = digest_of(yolo, None), digest_of(folder, None)
    assert not set(before) & set(after)
