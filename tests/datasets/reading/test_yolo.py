"""YOLO folders: images with their outlines, class names, and what is told."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import Base

from samara.datasets.reading.yolo import open_yolo
from samara.errors import DatasetError
from samara.images.settings import ImageReading
from samara.masks.polygons import rasterise_polygons

SQUARE = "0 0.25 0.25 0.75 0.25 0.75 0.75 0.25 0.75"


def add(room, name, label=None, size=(8, 4), orientation=1):
    """An image of (width, height) and its label file."""
    path = room / "images" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    Image.new("RGB", size).save(path, exif=exif)
    text = (room / "labels" / name).with_suffix(".txt")
    text.parent.mkdir(parents=True, exist_ok=True)
    if label is not None:
        text.write_text(label)
    return text


def read_yolo(data):
    return list(open_yolo(data).images)


def read_line(tmp_path, line):
    add(tmp_path, "a.jpg", line)
    return read_yolo(tmp_path)[0].instances


def test_outlines_become_masks(tmp_path):
    text = add(tmp_path, "a.jpg", f"{SQUARE}\n\n3.0 0 0 1 0 1 1 \r\n")
    (image,) = read_yolo(tmp_path)
    assert (image.path, image.name) == (tmp_path / "images" / "a.jpg", "images/a.jpg")
    assert (image.size_hw, image.source) == ((4, 8), str(text))
    square, triangle = image.instances
    np.testing.assert_array_equal(np.argwhere(square.rle.decode()).min(0), (1, 2))
    assert (square.rle.area, square.rle.box_xyxy) == (8, (2, 1, 6, 3))
    assert triangle.rle == rasterise_polygons([[0, 0, 8, 0, 8, 4]], 4, 8)
    assert (square.category, triangle.category, square.is_crowd) == ("0", "3", False)


def test_fractions_are_of_the_upright_image(tmp_path):
    add(tmp_path, "a.jpg", SQUARE, orientation=6)
    (image,) = read_yolo(tmp_path)
    assert image.size_hw == (8, 4)
    assert image.instances[0].rle.box_xyxy == (1, 2, 3, 6)


@pytest.mark.parametrize("label", [None, "", "\n \n"])
def test_an_image_may_show_nothing(tmp_path, label):
    add(tmp_path, "a.jpg", label)
    assert read_yolo(tmp_path)[0].instances == ()


def test_trees_within_images_and_pairs_within_splits(tmp_path):
    add(tmp_path, "val/b.png", SQUARE)
    add(tmp_path, "train/deep/a.v1.jpg", SQUARE)
    add(tmp_path / "test", "c.JPG", SQUARE)
    assert [(image.name, len(image.instances)) for image in read_yolo(tmp_path)] == [
        ("images/train/deep/a.v1.jpg", 1),
        ("images/val/b.png", 1),
        ("test/images/c.JPG", 1),
    ]


def test_what_is_no_image_or_label_is_left_alone(tmp_path):
    add(tmp_path, "a.jpg", SQUARE)
    (tmp_path / "images" / "._a.jpg").write_bytes(b"macOS")
    (tmp_path / "images" / "notes.md").write_text("notes")
    (tmp_path / "labels" / "a.cache").write_text("cache")
    (tmp_path / "labels" / "classes.txt").write_text("cat")
    assert len(read_yolo(str(tmp_path))) == 1


def test_links_are_followed_but_not_in_circles(tmp_path):
    add(tmp_path / "elsewhere", "a.jpg", SQUARE)
    for kind in ("images", "labels"):
        (tmp_path / "data" / kind).mkdir(parents=True)
        (tmp_path / "data" / kind / "train").symlink_to(tmp_path / "elsewhere" / kind)
        (tmp_path / "elsewhere" / kind / "again").symlink_to(tmp_path / "data" / kind)
    assert [image.name for image in read_yolo(tmp_path / "data")] == ["images/train/a.jpg"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("0 0.5 0.5 0.2 0.2", "is a box, not a mask"),
        ("0 0.5 0.5 0.2 0.2 0.9", "5 numbers"),
        ("0", "0 numbers"),
        ("0 0.1 0.1 0.2", "3 numbers"),
        ("cat 0 0 1 0 1 1", "not a number.*cat"),
        ("0,0,0,1,0,1,1", "not a number"),
        ("-1 0 0 1 0 1 1", "class number"),
        ("0.5 0 0 1 0 1 1", "class number"),
        ("nan 0 0 1 0 1 1", "class number"),
        ("inf 0 0 1 0 1 1", "class number"),
        ("0 0 0 1 0 1 nan", r"outside 0\.\.1"),
        ("0 0 0 1 0 1 inf", r"outside 0\.\.1"),
        ("0 10 10 200 10 200 100", r"outside 0\.\.1"),
        ("0 -0.1 0 1 0 1 1", r"outside 0\.\.1"),
    ],
)
def test_broken_lines_are_told_by_number(tmp_path, line, sentence):
    add(tmp_path, "a.jpg", f"{SQUARE}\n{line}\n")
    with pytest.raises(DatasetError, match=rf"Line 2 of .*a\.txt.*{sentence}"):
        read_yolo(tmp_path)


def test_a_rounding_beyond_the_border_is_let_through(tmp_path):
    assert read_line(tmp_path, "0 0 0 1.0000001 0 1.0000001 1 -0.000001 1")[0].rle.area == 32


@given(st.text(st.sampled_from("019.-+e_ \t\nnaif") | st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_other_error_escapes(tmp_path_factory, text):
    folder = tmp_path_factory.getbasetemp() / "yolo"
    label = folder / "labels" / "a.txt"
    if not folder.exists():
        add(folder, "a.jpg", "")
    label.write_bytes(text.encode())
    with contextlib.suppress(DatasetError):
        read_yolo(folder)


def test_text_in_other_encodings(tmp_path):
    text = add(tmp_path, "a.jpg")
    text.write_bytes(b"\xef\xbb\xbf" + SQUARE.encode())  # with a byte order mark
    assert len(read_yolo(tmp_path)[0].instances) == 1
    text.write_bytes(SQUARE.encode("utf-16"))
    with pytest.raises(DatasetError, match="UTF-8"):
        read_yolo(tmp_path)


def test_labels_that_cannot_be_opened_are_told(tmp_path):
    add(tmp_path, "a.jpg").symlink_to("absent")
    with pytest.raises(DatasetError, match=r"a\.txt.*cannot be read \(No such file"):
        read_yolo(tmp_path)


def test_folders_that_do_not_fit_are_told(tmp_path):
    for wrong in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DatasetError, match="no folder images"):
            read_yolo(wrong)
    with pytest.raises(DatasetError, match=r"data\.yaml' cannot be read"):
        read_yolo(tmp_path / "data.yaml")
    (tmp_path / "images").mkdir()
    with pytest.raises(DatasetError, match="none called labels"):
        read_yolo(tmp_path)
    (tmp_path / "labels").mkdir()
    with pytest.raises(DatasetError, match="no images"):
        read_yolo(tmp_path)
    (tmp_path / "labels" / "b.txt").write_text(SQUARE)
    with pytest.raises(DatasetError, match=r"1 of the 1 label files.*b\.txt"):
        read_yolo(tmp_path)


def test_two_images_cannot_share_a_label(tmp_path):
    add(tmp_path, "a.jpg", SQUARE)
    add(tmp_path, "a.png")
    with pytest.raises(DatasetError, match=r"a\.png.*a\.jpg.*share"):
        read_yolo(tmp_path)


def test_broken_images_are_told(tmp_path):
    add(tmp_path, "a.jpg", SQUARE)
    (tmp_path / "images" / "a.jpg").write_bytes(b"<html>")
    with pytest.raises(DatasetError, match=r"a\.jpg.*HTML"):
        read_yolo(tmp_path)


def test_names_are_used_and_missing_ones_told(tmp_path):
    (tmp_path / "data.yaml").write_text("names: [cat]")
    assert read_line(tmp_path, SQUARE)[0].category == "cat"
    with pytest.raises(DatasetError, match=r"class 5.*data\.yaml"):
        read_line(tmp_path, "5" + SQUARE[1:])


def test_fractions_are_of_the_page_that_is_meant(tmp_path):
    text = add(tmp_path, "a.tif", SQUARE)
    pages = [Image.new("L", size) for size in ((8, 4), (40, 20))]
    pages[0].save(tmp_path / "images" / "a.tif", save_all=True, append_images=pages[1:])
    for frame, size_hw in ((0, (4, 8)), (1, (20, 40))):
        reading = ImageReading(frame=frame)
        (image,) = open_yolo(tmp_path, reading=reading).images
        assert (image.size_hw, image.reading, image.source) == (size_hw, reading, str(text))
        assert image.instances[0].rle.area == size_hw[0] * size_hw[1] / 4
        assert image.pixels().shape[:2] == size_hw
    with pytest.raises(DatasetError, match="has no frame 2"):
        open_yolo(tmp_path, reading=ImageReading(frame=2))
