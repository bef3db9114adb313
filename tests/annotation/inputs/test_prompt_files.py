"""Prompts from files: what is read, and the sentence for everything that cannot be."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from samara.annotation.inputs.prompt_files import (
    BOXES_OF_MASKS,
    CUT_BOXES,
    LEFT_OUT_CROWDS,
    read_coco_boxes,
    read_points,
    read_prompts,
    read_yolo_boxes,
)
from samara.datasets.reading.findings import ReadingRules
from samara.datasets.writing.options import WriterOptions
from samara.datasets.writing.yolo import YoloWriter
from samara.errors import DatasetError
from samara.images.settings import ImageReading
from tests.datasets import written_by
from tests.datasets.awkward import HOLE, PARTS, annotated, pixel

COCO = {
    "images": [
        {"id": 1, "file_name": "sub/a.jpg", "width": 40, "height": 20},
        {"id": 2, "file_name": "b.jpg", "width": 40, "height": 20},
    ],
    "categories": [{"id": 3, "name": "Straße"}, {"id": 5, "name": "cat"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 5, "bbox": [1, 2, 3.5, 4]},
        {"id": 2, "image_id": 1, "category_id": 3, "bbox": [0, 0, 40, 20], "iscrowd": 0},
        {"id": 3, "image_id": 1, "category_id": 3, "bbox": [0, 0, 40, 20], "iscrowd": 1},
    ],
}


@pytest.fixture
def coco(tmp_path):
    def write(**changes):
        path = tmp_path / "boxes.json"
        path.write_text(json.dumps(COCO | changes))
        return path

    return write


@pytest.fixture
def images(tmp_path):
    for name in ("a.png", "sub/a.png", "sub/b.jpg"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 20)).save(path)
    return tmp_path / "images"


@pytest.fixture
def labels(tmp_path):
    def write(**files):
        for name, text in files.items():
            path = tmp_path / "labels" / f"{name.replace('__', '/')}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "labels"

    return write


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "points.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def boxes(prompts):
    return [prompt.box_xyxy.tolist() for prompt in prompts.prompts]


def test_coco_boxes_and_their_classes(coco):
    found = read_prompts(coco())
    assert list(found) == ["sub/a.jpg", "b.jpg"]
    assert boxes(found["sub/a.jpg"]) == [[1, 2, 4.5, 6], [0, 0, 40, 20]]  # the crowd is no object
    assert found["sub/a.jpg"].categories == ("cat", "Straße")
    assert (found["b.jpg"].prompts, found["b.jpg"].categories) == ((), None)


def test_coco_without_categories(coco):
    assert read_coco_boxes(coco(categories=None))["sub/a.jpg"].categories is None


def annotation(**changes):
    return [{"id": 9, "image_id": 1, "category_id": 5, "bbox": [1, 2, 3, 4]} | changes]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annotations": annotation(image_id=7)}, "Annotation 9 in .* belongs to image 7"),
        ({"annotations": annotation(bbox=[1, 2, 3])}, r"Annotation 9 in .* has the bbox \[1, 2, 3\]"),
        ({"annotations": annotation(bbox=None)}, "has the bbox None"),
        ({"annotations": annotation(bbox=[1, 2, 0, 4])}, "Annotation 9 .* has no area"),
        ({"annotations": annotation(bbox=[30, 2, 20, 4])}, "Annotation 9 .* pixels beyond the image"),
        ({"annotations": annotation(bbox=[float("nan"), 2, 20, 4])}, "Annotation 9 .* NaN"),
        ({"annotations": annotation(category_id=8)}, "is of category 8"),
        ({"annotations": annotation() + annotation(category_id=None)}, "has 2 objects, but classes for only 1"),
        ({"categories": [{"id": 5, "name": " "}]}, "has the category ' '"),
        ({"images": COCO["images"] * 2}, "listed twice"),
        ({"images": [COCO["images"][0], COCO["images"][0] | {"id": 2}]}, "'sub/a.jpg' is listed twice"),
        ({"images": None}, 'no list "images"'),
    ],
)
def test_coco_that_is_not_understood(coco, changes, message):
    changes = {"annotations": annotation()} | changes
    with pytest.raises(DatasetError, match=message):
        read_prompts(coco(**changes))


def test_yolo_boxes_outlines_and_confidences(labels, images):
    folder = labels(a="0 0.5 0.5 0.25 0.5\n\n1 0.1 0.2 0.2 0.4 0.93\n", sub__b="2 0.1 0.1 0.5 0.1 0.3 0.9\n", sub__a="")
    found = read_prompts(folder, images)
    assert set(found) == {"a.png", "sub/a.png", "sub/b.jpg"}
    np.testing.assert_allclose(boxes(found["a.png"]), [[15, 5, 25, 15], [0, 0, 8, 8]], atol=1e-9)
    assert found["a.png"].categories == ("0", "1")
    np.testing.assert_allclose(boxes(found["sub/b.jpg"]), [[4, 2, 20, 18]])
    assert found["sub/a.png"].prompts == ()


def test_yolo_names_and_single_files(labels, images, tmp_path):
    folder = labels(a="1 0.5 0.5 0.25 0.5\n")
    (tmp_path / "data.yaml").write_text("names: [cat, Straße]\n", encoding="utf-8")
    assert read_prompts(folder, images)["a.png"].categories == ("Straße",)
    assert read_prompts(folder / "a.txt", images)["a.png"].categories == ("Straße",)
    assert read_prompts(tmp_path, images)["a.png"].categories == ("Straße",)


def test_what_we_write_are_prompts(tmp_path):
    path = tmp_path / "images" / "a.png"
    path.parent.mkdir()
    Image.new("RGB", (30, 20)).save(path)
    image = annotated([HOLE, pixel(29, 19), PARTS], categories=("x", "y", "x"))
    with YoloWriter(tmp_path / "yolo", WriterOptions()) as writer:
        writer.add(image)
    found = read_yolo_boxes(tmp_path / "yolo", tmp_path / "images")["a.png"]
    assert found.categories == ("x", "y", "x")
    np.testing.assert_allclose(boxes(found), image.masks.boxes_xyxy, atol=0.06)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0.5 0.5 0.25 0.5\n0 0.5 0.5 0.25\n", "Line 2 of .*a.txt' has 4 numbers"),
        ("0 0.5 0.5 0.25 0.5 0.1 0.1 0.1", "has 8 numbers"),
        ("0 0.5 0.5 zero 0.5", "Line 1 of .* not a number"),
        ("0 0.5 0.5 1.2 0.5", "box outside 0..1"),
        ("0 nan 0.5 0.2 0.5", "box outside 0..1"),
        ("0 0.5 0.5 0 0.5", "Line 1 of .* has no area"),
        ("0.5 0.5 0.5 0.2 0.5", "class number"),
        ("", None),
    ],
)
def test_yolo_that_is_not_understood(labels, images, text, message):
    folder = labels(a=text)
    if message is None:
        assert read_prompts(folder, images)["a.png"].prompts == ()
        return
    with pytest.raises(DatasetError, match=message):
        read_prompts(folder, images)


def test_yolo_labels_and_images_that_do_not_belong_together(labels, images, tmp_path):
    folder = labels(absent="0 0.5 0.5 0.2 0.5")
    with pytest.raises(DatasetError, match="has no image of its name"):
        read_prompts(folder, images)
    with pytest.raises(DatasetError, match="pass the image folder as well"):
        read_prompts(folder)
    with pytest.raises(DatasetError, match="is not a folder"):
        read_prompts(folder, tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match="contains no label files"):
        read_prompts(images, images)
    (folder / "absent.txt").rename(folder / "a.txt")
    (images / "a.jpg").write_bytes((images / "a.png").read_bytes())
    with pytest.raises(DatasetError, match="has 2 images of its name"):
        read_prompts(folder, images)
    (images / "a.jpg").unlink()
    (images / "a.png").write_bytes(b"no image")
    with pytest.raises(DatasetError, match="The image of .*a.txt' cannot be used"):
        read_prompts(folder, images)


def test_points_are_objects_of_their_own(table):
    found = read_prompts(table("file,x,y\na.jpg,3,4.5\nsub/b.jpg,1,2\na.jpg,7,8\n"))
    assert list(found) == ["a.jpg", "sub/b.jpg"]
    assert [prompt.points_xy.tolist() for prompt in found["a.jpg"].prompts] == [[[3, 4.5]], [[7, 8]]]
    assert found["a.jpg"].categories is None


def test_points_of_one_object_and_classes(table):
    text = (
        "\ufefffile, object, x, y, label, class\n"
        'a.jpg, dog 1, 1, 2, 1, "Hund, groß"\n'
        "a.jpg, 2, 5, 6, , cat\n"
        "sub\\a.jpg,, 9, 9, 1, cat\n"
        "a.jpg, dog 1, 3, 4, 0,\n"
    )
    found = read_points(table(text))
    first, second = found["a.jpg"].prompts
    assert (first.points_xy.tolist(), first.point_labels.tolist()) == ([[1, 2], [3, 4]], [1, 0])
    assert (second.points_xy.tolist(), second.point_labels.tolist()) == ([[5, 6]], [1])
    assert found["a.jpg"].categories == ("Hund, groß", "cat")
    assert found["sub/a.jpg"].categories == ("cat",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Line 1 of .* names the columns"),
        ("a.jpg,3,4\n", "Line 1 of .*; file, x and y are required"),
        ("file,x,y,colour\n", "label, class and object optional"),
        ("file,x,y\n", "has no points"),
        ("file,x,y\na.jpg,3\n", "Line 2 of .* has a different number of values"),
        ("file,x,y\na.jpg,3,4,5\n", "Line 2 of .* has a different number of values"),
        ("file,x,y\na.jpg,3,4\na.jpg,three,4\n", "Line 3 of .* coordinate that is not a number"),
        ("file,x,y\na.jpg,nan,4\n", "Line 2 of .* NaN"),
        ("file,x,y\n,3,4\n", "Line 2 of .* it must be the name of an image"),
        ("file,x,y\n../a.jpg,3,4\n", "leads out of the image folder"),
        ("file,x,y,label\na.jpg,3,4,2\n", "Line 2 of .* has the label '2'"),
        ("file,x,y,label\na.jpg,3,4,0\n", "Line 2 of .* background point without an object"),
        ("file,x,y,label,object\na.jpg,3,4,0,1\n", "Line 2 of .* background points only"),
        ("file,x,y,class,object\na.jpg,3,4,cat,1\na.jpg,3,4,dog,1\n", r"Line 2 of .* the classes \['cat', 'dog'\]"),
        ("file,x,y,class\na.jpg,3,4,cat\na.jpg,3,4,\n", "2 objects, but classes for only 1"),
        ('file,x,y\n"a.jpg,3,4\n', "is not valid CSV"),
    ],
)
def test_tables_that_are_not_understood(table, text, message):
    with pytest.raises(DatasetError, match=message):
        read_prompts(table(text))


@given(st.text(st.sampled_from('file,xylabecsojt\n\r"01.3 \0') | st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_is_read_or_told(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(f"file,x,y\n{text}".encode())
    with contextlib.suppress(DatasetError):
        assert read_points(path)


def test_other_files(tmp_path):
    (tmp_path / "boxes.xml").write_text("<a/>")
    for name in ("boxes.xml", "absent"):
        with pytest.raises(DatasetError, match="is not a supported prompt file; use a COCO file"):
            read_prompts(tmp_path / name)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_prompts(tmp_path / "absent.csv")


def asked(path, images=None, **rules):
    told = []
    return read_prompts(path, images, ReadingRules(**rules), told.append), told


def test_crowds_are_told_or_taken_as_objects(coco):
    _, told = asked(coco())
    assert [f"1 {LEFT_OUT_CROWDS}" in one for one in told] == [True]
    found, told = asked(coco(), crowds="objects")
    assert len(found["sub/a.jpg"].prompts) == 3
    assert told == []


def test_nothing_but_crowds_is_an_error_that_names_the_way_out(coco):
    with pytest.raises(
        DatasetError, match=r"no usable prompts.*CVAT, which marks every mask so, use `ReadingRules\(crowds="
    ):
        read_prompts(coco(annotations=annotation(iscrowd=1)))


@pytest.mark.parametrize(
    ("bbox", "expected"),
    [
        ([-3, 2, 10, 5], [0, 2, 7, 7]),
        ([30, 10, 14, 14], [30, 10, 40, 20]),
        ([0, 0, 40.9, 20], [0, 0, 40.9, 20]),  # less than a pixel is let be
    ],
)
def test_boxes_a_few_pixels_outside_are_cut_and_told(coco, bbox, expected):
    found, told = asked(coco(annotations=annotation(bbox=bbox)))
    assert boxes(found["sub/a.jpg"]) == [expected]
    assert [f"1 {CUT_BOXES}" in one for one in told] == ([] if bbox[2] == 40.9 else [True])


def test_a_box_without_width_gets_true_advice(coco):
    with pytest.raises(DatasetError, match=r"\[5, 6, 0, 4\] \(x, y, width, height\), which has no area") as caught:
        read_prompts(coco(annotations=annotation(bbox=[5, 6, 0, 4])))
    assert "looks like" not in str(caught.value)


def test_masks_without_boxes_give_theirs(coco):
    outline = [[1, 2, 11, 2, 11, 8, 1, 8]]
    found, told = asked(coco(annotations=annotation(bbox=None, segmentation=outline)))
    assert boxes(found["sub/a.jpg"]) == [[1, 2, 11, 8]]
    assert [f"1 {BOXES_OF_MASKS}" in one for one in told] == [True]


def test_bad_entries_of_every_kind_can_be_left_out(coco, labels, images, table):
    rows = annotation() + annotation(id=10, bbox=[1, 2, 0, 4]) + annotation(id=11, image_id=77)
    folder = labels(a="0 0.5 0.5 0.25 0.5\n0 0.5\n0 nan 0.5 0.2 0.5\n", absent="0 0.5 0.5 0.2 0.5\n")
    text = table("file,x,y,label\na.jpg,3,4,1\na.jpg,three,4,1\na.jpg,3,4,7\na.jpg,1\n")
    for path, place, bad in ((coco(annotations=rows), None, 2), (folder, images, 3), (text, None, 3)):
        with pytest.raises(DatasetError, match=rf"{bad} entries of .*`ReadingRules\(skip_bad=True\)`"):
            read_prompts(path, place)
        found, told = asked(path, place, skip_bad=True)
        assert sum(len(one.prompts) for one in found.values()) == 1
        assert any(f"{bad} bad entries were left out" in one for one in told)


def test_objects_without_a_class_among_others_can_be_left_out(coco):
    found, told = asked(coco(annotations=annotation() + annotation(id=10, category_id=None)), skip_bad=True)
    assert found["sub/a.jpg"].categories == ("cat",)
    assert any("1 objects have no class" in one for one in told)


def test_files_with_a_byte_order_mark(coco, labels, images, table):
    folder = labels(a="0 0.5 0.5 0.25 0.5\r\n")
    for path, place in ((coco(), None), (folder / "a.txt", images), (table("file,x,y\r\na.jpg,3,4\r\n"), None)):
        before = read_prompts(path, place)
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
        assert read_prompts(path, place).keys() == before.keys()
        path.write_bytes("file,x,y\n".encode("utf-16"))
        if path.suffix != ".json":
            with pytest.raises(DatasetError, match="UTF-16"):
                read_prompts(path, place)


def test_a_whole_yolo_data_set_asks_for_its_outlines(tmp_path):
    path = written_by.ultralytics(tmp_path)
    found, told = asked(path)
    assert {name: one.categories for name, one in found.items()} == {
        "images/train2017/train.png": ("person",),
        "images/val2017/val.png": ("person",),
    }
    assert told == []
    below = tmp_path / "coco8-seg" / "images"
    assert set(read_prompts(path, below)) == {"train2017/train.png", "val2017/val.png"}


def test_names_beside_or_among_the_labels(labels, images, tmp_path):
    folder = labels(a="1 0.5 0.5 0.25 0.5\n")
    for place in (folder / "classes.txt", tmp_path / "classes.txt"):
        place.write_text("men's shoe\nC#\n")
        assert read_prompts(folder, images)["a.png"].categories == ("C#",)
        place.unlink()
    _, told = asked(folder, images)
    assert any("without names" in one for one in told)


def test_sizes_are_those_of_the_page_that_is_meant(tmp_path, labels, coco):
    (tmp_path / "images").mkdir()
    pages = [Image.new("L", size) for size in ((8, 4), (40, 20))]
    pages[0].save(tmp_path / "images" / "a.tif", save_all=True, append_images=pages[1:])
    second = ImageReading(frame=1)
    found = read_prompts(labels(a="0 0.5 0.5 0.25 0.5\n"), tmp_path / "images", reading=second)
    np.testing.assert_allclose(boxes(found["a.tif"]), [[15, 5, 25, 15]])
    unsized = coco(images=[{"id": 1, "file_name": "a.tif"}], annotations=annotation(bbox=[10, 2, 29, 17]))
    assert boxes(read_prompts(unsized, tmp_path / "images", reading=second)["a.tif"]) == [[10, 2, 39, 19]]
    with pytest.raises(DatasetError, match="pixels beyond the image"):
        read_prompts(unsized, tmp_path / "images", reading=ImageReading(frame=0))
