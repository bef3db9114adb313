"""A COCO file as corrections: complete images, and bad annotations are told of their image."""

from __future__ import annotations

import json

import pytest

from samara.datasets.reading.reviewed_coco import read_reviewed_coco
from samara.datasets.reviewed import IMAGE_ID, MASK_NUMBER
from samara.errors import DatasetError
from samara.masks.rle import encode_mask
from tests.datasets.awkward import HOLE


def write(path, annotations, **image):
    images = [{"id": 1, "file_name": "a.png", "width": 30, "height": 20} | image]
    images.append({"id": 2, "file_name": "b.png", "width": 30, "height": 20})
    categories = [{"id": 4, "name": "cell"}]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


def annotation(number, **fields):
    rle = encode_mask(HOLE).to_coco()
    return {"id": number, "image_id": 1, "category_id": 4, "iscrowd": 0, "segmentation": rle} | fields


def test_images_come_with_all_their_masks(tmp_path):
    rows = [annotation(1, **{MASK_NUMBER: 6}), annotation(2, iscrowd=1)]
    first, second = read_reviewed_coco(write(tmp_path / "x.json", rows, **{IMAGE_ID: 17})).images
    assert [mask.rle.decode().tolist() for mask in first.masks] == [HOLE.tolist()] * 2
    assert [(mask.category, mask.number, mask.name) for mask in first.masks] == [
        ("cell", 6, "coco 1"),
        ("cell", None, "coco 2"),
    ]
    assert first.facts == {IMAGE_ID: 17}
    assert (second.file_name, second.masks, second.size_hw) == ("b.png", (), (20, 30))


def test_bad_annotations_are_told_of_their_image(tmp_path):
    rows = [annotation(1), {"id": 2, "image_id": 1, "category_id": 4, "bbox": [1, 1, 4, 4]}]
    first, second = read_reviewed_coco(write(tmp_path / "x.json", rows)).images
    assert len(first.masks) == 1
    assert "has a box but no segmentation" in first.refused[0]
    assert not second.refused


def test_other_files_are_refused(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(DatasetError, match="images"):
        read_reviewed_coco(tmp_path / "x.json")
