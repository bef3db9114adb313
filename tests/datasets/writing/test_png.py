"""Label maps, read by Pillow and OpenCV."""

from __future__ import annotations

import csv

import cv2
import numpy as np
import pytest
from PIL import Image

from samara.datasets.writing.png import PngWriter
from samara.errors import OutputError
from samara.masks.mask_set import MaskSet
from samara.masks.rle import Rle, encode_mask
from tests.datasets.awkward import NAMES, annotated, awkward_images


def written(out, images):
    with PngWriter(out) as writer:
        for image in images:
            writer.add(image)
    with (out / "masks.csv").open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def test_every_mask_is_where_no_smaller_one_is(tmp_path):
    images = awkward_images()
    rows = written(tmp_path / "png", images)
    for name, image in zip(NAMES, images, strict=True):
        path = tmp_path / "png" / name
        labels = np.array(Image.open(path))
        assert labels.dtype == np.uint8
        np.testing.assert_array_equal(cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED), labels)
        expected = np.zeros(image.masks.size_hw, int)
        for index in sorted(range(len(image.masks)), key=lambda i: (-image.masks.areas[i], -i)):
            expected[image.masks.mask(index)] = index + 1
        np.testing.assert_array_equal(labels, expected)
        of_image = [row for row in rows if row["file_name"] == name]
        assert [int(row["label"]) for row in of_image] == list(range(1, len(image.masks) + 1))
        assert [int(row["area_px"]) for row in of_image] == image.masks.areas.tolist()
        assert [int(row["visible_px"]) for row in of_image] == [
            int((labels == index + 1).sum()) for index in range(len(image.masks))
        ]
        assert {row["category"] for row in of_image} <= {"object"}


def numbered(count):
    """An image of so many masks of one pixel each."""
    width = 300
    height = -(-count // width)
    # Columns are the run lengths' order; here row by row.
    rles = tuple(
        Rle.from_edges(np.array([place, place + 1]), height, width)
        for place in ((n % width) * height + n // width for n in range(count))
    )
    masks = MaskSet(
        rles=rles,
        size_hw=(height, width),
        checkpoint="x",
        predicted_iou=np.zeros(count),
        prompt_index=np.arange(count),
    )
    image = annotated([])
    object.__setattr__(image, "masks", masks)
    return image


@pytest.mark.parametrize(("count", "dtype"), [(255, np.uint8), (256, np.uint16), (1000, np.uint16)])
def test_many_masks_need_16_bits(tmp_path, count, dtype):
    written(tmp_path / "png", [numbered(count)])
    labels = np.array(Image.open(tmp_path / "png" / "a.png"))
    assert labels.dtype == dtype
    np.testing.assert_array_equal(labels.ravel()[:count], np.arange(1, count + 1))
    assert not labels.ravel()[count:].any()


def test_more_masks_than_numbers(tmp_path):
    one = encode_mask(np.ones((1, 1), bool))
    image = annotated([])
    masks = MaskSet(
        rles=(one,) * 65536,
        size_hw=(1, 1),
        checkpoint="x",
        predicted_iou=np.zeros(65536),
        prompt_index=np.arange(65536),
    )
    object.__setattr__(image, "masks", masks)
    with (
        PngWriter(tmp_path / "png") as writer,
        pytest.raises(OutputError, match="has 65536 masks.*can number only 65535"),
    ):
        writer.add(image)


def test_categories_are_in_the_table(tmp_path):
    image = annotated([np.eye(20, 30), np.ones((20, 30))], "ä.png", categories=('a "b", c', "☃"))
    rows = written(tmp_path / "png", [image])
    assert [(row["file_name"], row["category"]) for row in rows] == [("ä.png", 'a "b", c'), ("ä.png", "☃")]


def test_names_that_are_no_text(tmp_path):
    with PngWriter(tmp_path / "png") as writer:
        writer.add(annotated([np.eye(20, 30)], "\udce9.png"))
    assert (tmp_path / "png" / "masks.csv").read_bytes().splitlines()[1].startswith(b"\xe9.png,1,object,20,20,")


def test_one_image_with_two_suffixes(tmp_path):
    with PngWriter(tmp_path / "png") as writer:
        writer.add(annotated([np.eye(20, 30)], "a.jpg"))
        with pytest.raises(OutputError, match=r"'a.bmp' would share a.png"):
            writer.add(annotated([], "a.bmp"))
    assert writer.losses.masks == 1
