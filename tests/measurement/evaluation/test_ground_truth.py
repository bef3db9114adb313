"""Which images and objects are asked about, and which files are refused before the work begins."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samara.datasets.reading.findings import ReadingRules
from samara.errors import DatasetError, ImageError
from samara.masks.rle import encode_mask
from samara.measurement.evaluation import ground_truth
from samara.measurement.evaluation.ground_truth import GroundTruth, read_ground_truth
from samara.measurement.evaluation.settings import EvaluationSettings
from tests.datasets import written_by
from tests.measurement.evaluation.conftest import SIZE, annotation, rectangle, write_coco


def read(coco, **settings):
    return read_ground_truth(GroundTruth(coco, coco.parent / "images"), EvaluationSettings(**settings))


def change(coco, edit):
    document = json.loads(coco.read_text())
    edit(document)
    coco.write_text(json.dumps(document))


def test_images_come_with_source_and_objects(coco):
    images = read(coco)
    assert [(one.name, one.source, len(one.objects), one.prompted) for one in images] == [
        ("a_0.png", "a", 3, (0, 1, 2)),
        ("a_1.png", "a", 3, (0, 1, 2)),
        ("b_2.png", "b", 3, (0, 1, 2)),
    ]
    assert all(one.everything for one in images)


def test_images_without_source_are_of_one(tmp_path):
    assert {one.source for one in read(write_coco(tmp_path, (None, None)))} == {"all"}


def test_crowds_empty_masks_and_images_without_objects_are_left_out(coco):
    def edit(document):
        crowd = annotation(90, 0, rectangle(0, 0, 60, 80), iscrowd=1)
        nothing = annotation(91, 0, np.zeros(SIZE, bool))
        document["annotations"] = [crowd, nothing, *document["annotations"]]
        document["annotations"] = [one for one in document["annotations"] if one["image_id"] != 1]

    change(coco, edit)
    images = read(coco)
    assert [(one.name, len(one.objects)) for one in images] == [("a_0.png", 3), ("b_2.png", 3)]


@pytest.mark.parametrize("keep", [[], [annotation(1, 0, rectangle(0, 0, 9, 9), iscrowd=1)]])
def test_ground_truth_without_objects_is_refused(coco, keep):
    change(coco, lambda document: document.update(annotations=keep))
    with pytest.raises(DatasetError, match="has no object to evaluate on"):
        read(coco)


def test_missing_images_are_told_before_anything_runs(coco):
    (coco.parent / "images" / "b_2.png").unlink()
    with pytest.raises(DatasetError, match=r"1 of the 3 images .* the first is 'b_2\.png'"):
        read(coco)


def test_images_of_another_size_are_told_before_anything_runs(coco):
    Image.new("RGB", (SIZE[0], SIZE[1])).save(coco.parent / "images" / "b_2.png")
    with pytest.raises(DatasetError, match="annotated without its EXIF orientation"):
        read(coco)


def test_files_that_are_no_images_are_told_before_anything_runs(coco):
    (coco.parent / "images" / "b_2.png").write_text("oops")
    with pytest.raises(ImageError):
        read(coco)


def test_a_file_that_cannot_be_read_has_no_digest(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        GroundTruth(tmp_path / "none.json", tmp_path).digest  # noqa: B018


def test_a_smaller_choice_is_part_of_a_larger_one(tmp_path):
    coco = write_coco(tmp_path, ["a"] * 8 + ["b"] * 4, objects=4)
    some, more = (read(coco, images=images, objects=images) for images in (2, 3))
    assert [one.source for one in some] == ["a", "a", "b", "b"]
    prompted = {one.name: one.prompted for one in more}
    for one in some:
        assert len(one.prompted) == 2
        assert set(one.prompted) < set(prompted[one.name])
        assert len(one.objects) == 4


def test_the_choice_depends_on_neither_order_nor_company(tmp_path):
    coco = write_coco(tmp_path, ["a"] * 6, objects=4)

    def chosen():
        return {
            one.name: {one.objects[place].counts for place in one.prompted} for one in read(coco, images=2, objects=2)
        }

    before = chosen()

    def edit(document):
        document["images"].reverse()
        document["annotations"].reverse()

    change(coco, edit)
    assert chosen() == before
    other = next(name for name in (f"a_{index}.png" for index in range(6)) if name not in before)
    change(coco, lambda document: document["images"].pop([one["file_name"] for one in document["images"]].index(other)))
    change(
        coco,
        lambda document: document.update(
            annotations=[
                one for one in document["annotations"] if one["image_id"] in {row["id"] for row in document["images"]}
            ]
        ),
    )
    assert chosen() == before
    assert {name: read(coco, images=2, objects=2, seed=1) for name in before} != before


def test_everything_is_looked_for_in_some_of_the_images(tmp_path):
    coco = write_coco(tmp_path, ["a"] * 4)
    assert sum(one.everything for one in read(coco, everything_images=2)) == 2
    assert sum(one.everything for one in read(coco, everything_images=None)) == 4
    assert sum(one.everything for one in read(coco, images=3, everything_images=4)) == 3
    assert not any(one.everything for one in read(coco, measures=("box",)))


def test_masks_are_those_of_the_file(coco):
    document = json.loads(coco.read_text())
    mask = encode_mask(rectangle(3, 4, 20, 30))
    document["annotations"][0]["segmentation"] = mask.to_coco()
    coco.write_text(json.dumps(document))
    assert read(coco)[0].objects[0] == mask


def told_of(where, **settings):
    told = []
    return read_ground_truth(where, EvaluationSettings(**settings), told.append), told


def test_what_is_left_out_is_told(coco):
    def edit(document):
        document["annotations"] += [
            annotation(90, 0, rectangle(0, 0, 60, 80), iscrowd=1),
            annotation(91, 0, np.zeros(SIZE, bool)),
        ]
        document["annotations"] = [one for one in document["annotations"] if one["image_id"] != 1]

    change(coco, edit)
    _, told = told_of(GroundTruth(coco, coco.parent / "images"))
    for count, what in ((1, ground_truth.CROWDS), (1, ground_truth.EMPTY_MASKS), (1, ground_truth.NOTHING_IN_THEM)):
        assert any(f"{count} {what}" in sentence for sentence in told)


def test_cvats_masks_are_refused_with_the_way_out_and_taken_as_objects(tmp_path):
    where = GroundTruth(written_by.cvat(tmp_path), tmp_path / "images" / "default")
    with pytest.raises(DatasetError, match="no object to evaluate on: .*2 annotations .*`ReadingRules"):
        told_of(where)
    (image,), told = told_of(replace(where, rules=ReadingRules(crowds="objects")))
    assert len(image.objects) == 2
    assert told == []
    assert replace(where, rules=ReadingRules(crowds="objects")).digest != where.digest


def test_a_yolo_data_set_is_evaluated_on_its_validation_part(tmp_path):
    where = GroundTruth(written_by.ultralytics(tmp_path))
    (image,), told = told_of(where)
    assert image.name == "images/val2017/val.png"
    assert "1 of 2 images are its part val" in told[0]
    assert [one.name for one in told_of(replace(where, part="train"))[0]] == ["images/train2017/train.png"]
    assert len(told_of(replace(where, part="all"))[0]) == 2
    with pytest.raises(DatasetError, match="no part test; its parts are train, val"):
        told_of(replace(where, part="test"))


def test_parts_without_one_to_validate_with_are_asked_about(tmp_path):
    path = written_by.ultralytics(tmp_path)
    path.write_text(path.read_text().replace("val: images", "x: images").replace("test:", "test: images/val2017"))
    with pytest.raises(DatasetError, match="the parts train, test, and none is val; choose one with `GroundTruth"):
        told_of(GroundTruth(path))
    with pytest.raises(DatasetError, match="has no part val"):
        told_of(GroundTruth(written_by.label_studio_yolo(tmp_path / "flat"), part="val"))


def test_where_travels_to_other_processes():
    for where in (
        GroundTruth(Path("a"), Path("b"), "c", ReadingRules("objects", skip_bad=True), "all"),
        GroundTruth(Path("a")),
    ):
        assert GroundTruth.from_json(json.loads(json.dumps(where.as_json()))) == where
