"""Exports of Label Studio: regions, classes, what nobody submitted, and what cannot be understood."""

from __future__ import annotations

import json

import numpy as np
import pytest

from samara.datasets.reading.label_studio import (
    as_polygon,
    is_label_studio,
    mask_of_polygon,
    name_of_address,
    read_label_studio,
)
from samara.datasets.reviewed import IMAGE_ID
from samara.datasets.writing.brush_rle import brush_rle
from samara.datasets.writing.label_studio import percents_of
from samara.errors import DatasetError
from samara.masks.rle import encode_mask
from tests.datasets.awkward import HOLE, MASKS
from tests.masks.test_mask_set import rectangle

RLE = encode_mask(HOLE)


def region(value=None, *, name="r1", kind="brushlabels", label="cell", **fields):
    value = {"format": "rle", "rle": brush_rle(RLE)} if value is None else value
    region = {"id": name, "type": kind, "to_name": "image", "from_name": "label", "image_rotation": 0}
    return region | {"original_width": 30, "original_height": 20, "value": value | {kind: [label]}} | fields


def task(*results, data=None, **annotation):
    return {"data": data or {"image": "a.png"}, "annotations": [{"id": 1, "result": list(results)} | annotation]}


def read(tmp_path, *tasks):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    return read_label_studio(path)


def only(tmp_path, *results, **fields):
    (image,) = read(tmp_path, task(*results, **fields)).images
    return image


def test_regions_are_masks_with_their_classes(tmp_path):
    square = {"points": [[10, 10], [50, 10], [50, 50], [10, 50]], "closed": True}
    image = only(tmp_path, region(name="7-3"), region(square, name="x", kind="polygonlabels", label="rod"))
    brush, polygon = image.masks
    assert (brush.rle, brush.category, brush.number, brush.name) == (RLE, "cell", 3, "7-3")
    np.testing.assert_array_equal(polygon.rle.decode(), rectangle(3, 2, 15, 10))
    assert (polygon.category, polygon.number) == ("rod", None)
    assert (image.file_name, image.size_hw, image.refused) == ("a.png", (20, 30), ())


def test_the_class_can_be_a_result_of_its_own(tmp_path):
    shape = region(kind="brush")
    label = region({}, kind="labels", label="rod")
    assert only(tmp_path, label, shape).masks[0].category == "rod"


def test_numbers_of_another_image_are_not_trusted(tmp_path):
    data = {"image": "a.png", IMAGE_ID: 8}
    assert [mask.number for mask in only(tmp_path, region(name="7-3"), data=data).masks] == [None]
    assert [mask.number for mask in only(tmp_path, region(name="8-3"), data=data).masks] == [3]


def test_tasks_that_nobody_submitted_are_counted_and_the_latest_annotation_counts(tmp_path):
    both = task()
    both["annotations"] = [
        {"id": 5, "updated_at": "2026-01-02", "result": [region(name="new")]},
        {"id": 9, "updated_at": "2026-01-01", "result": [region(name="old"), region(name="older")]},
        {"id": 11, "updated_at": "2026-01-09", "was_cancelled": True, "result": []},
    ]
    unseen = {"data": {"image": "b.png"}, "annotations": [], "predictions": [{"result": [region()]}]}
    skipped = task(region(), was_cancelled=True)
    reviewed = read(tmp_path, both, unseen, skipped, task())
    assert [[mask.name for mask in image.masks] for image in reviewed.images] == [["new"], []]
    assert (reviewed.not_reviewed, reviewed.skipped) == (1, 1)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (region({"x": 1, "y": 1, "width": 9, "height": 9}, kind="rectanglelabels"), "only brush strokes and polygons"),
        (region(image_rotation=90), "rotated by 90 degrees"),
        (region(original_width=31), "has 2,400 values; an image of 20 x 31 pixels has 2,480"),
        (region({"points": [[1, 1]]}, kind="polygonlabels"), "3 or more points"),
        (region({"points": "x"}, kind="polygonlabels"), "no list of points"),
        (region(original_height=None), "no original height"),
    ],
)
def test_what_is_no_mask_is_refused_with_the_reason(tmp_path, result, reason):
    image = only(tmp_path, region(name="good"), result | {"id": "bad"})
    assert len(image.masks) == 1
    (sentence,) = image.refused
    assert sentence.startswith("region 'bad': ")
    assert reason in sentence


def test_ratings_and_relations_are_no_regions(tmp_path):
    rating = {"id": "c", "type": "choices", "to_name": "image", "from_name": "q", "value": {"choices": ["good"]}}
    relation = {"type": "relation", "from_id": "r1", "to_id": "r2"}
    image = only(tmp_path, rating, relation, region())
    assert len(image.masks) == 1
    assert not image.refused


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("a b/c.png", "a b/c.png"),
        ("/data/local-files/?d=photos/%C3%A4.png", "photos/ä.png"),
        ("/data/upload/12/0a1b2c3d-c.png", "c.png"),
        ("https://host/p/a%20b.png", "https://host/p/a b.png"),
        ("s3://bucket/a%20b.png", "s3://bucket/a%20b.png"),
    ],
)
def test_names_of_addresses(address, name):
    assert name_of_address(address) == name


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_a_polygon_that_nobody_edited_is_recognised(mask):
    points = percents_of(encode_mask(mask)).tolist()
    assert as_polygon(encode_mask(mask)) == mask_of_polygon(points, *mask.shape)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("{}", "is no list of tasks"),
        ('[{"image": "a.png", "label": []}]', "has no data or no annotations; export the project as"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_label_studio(path)


def test_exports_are_lists(tmp_path):
    path = tmp_path / "x.json"
    for text, expected in (("\ufeff [\n", True), ('{"images": []}', False), ("", False)):
        path.write_text(text, encoding="utf-8")
        assert is_label_studio(path) == expected
