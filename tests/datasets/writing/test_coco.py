"""COCO documents: read by pycocotools, written completely or not at all."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from pycocotools.coco import COCO

from samara.datasets.annotated import AnnotatedImage
from samara.datasets.writing.coco import CocoPolygonWriter, CocoWriter, is_ours
from samara.datasets.writing.options import WriterOptions
from samara.errors import OutputError
from tests.datasets.awkward import EMPTY, HOLE, PARTS, annotated, awkward_images, write_coco
from tests.masks.strategies import stacks
from tests.masks.test_mask_set import mask_set

WRITERS = {"run lengths": CocoWriter, "polygons": CocoPolygonWriter}


@pytest.fixture(params=WRITERS)
def kind(request):
    return WRITERS[request.param]


def written(kind, path, images, **options):
    with kind(path, WriterOptions(**options)) as writer:
        for image in images:
            writer.add(image)
    return COCO(str(path))


def test_pycocotools_reads_every_mask(kind, tmp_path, capsys):
    images = awkward_images()
    coco = written(kind, tmp_path / "annotations.json", images)
    assert sorted(coco.anns) == list(range(1, 1 + sum(len(image.masks) for image in images)))
    for image in images:
        assert coco.imgs[image.image_id] == {
            "id": image.image_id,
            "file_name": image.file_name,
            "height": 20,
            "width": 30,
        }
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=[image.image_id]))
        assert len(annotations) == len(image.masks)
        for index, annotation in enumerate(annotations):
            np.testing.assert_array_equal(coco.annToMask(annotation).astype(bool), image.masks.mask(index))
            assert annotation["area"] == image.masks.areas[index]
            assert annotation["predicted_iou"] == image.masks.predicted_iou[index]


@given(stacks(least=1))
def test_pycocotools_reads_any_masks(tmp_path_factory, stack):
    image = AnnotatedImage("a.jpg", mask_set(stack), 7)
    for number, kind in enumerate(WRITERS.values()):
        coco = written(kind, tmp_path_factory.mktemp("coco") / f"{number}.json", [image])
        for mask, annotation in zip(stack, coco.dataset["annotations"], strict=True):
            np.testing.assert_array_equal(coco.annToMask(annotation).astype(bool), mask)


def test_polygons_are_polygons(tmp_path, capsys):
    coco = written(CocoPolygonWriter, tmp_path / "x.json", [annotated([HOLE, PARTS, EMPTY])])
    hole, parts, empty = (annotation["segmentation"] for annotation in coco.dataset["annotations"])
    assert (len(hole), len(parts)) == (1, 3)
    assert empty["size"] == [20, 30]  # no polygon is empty
    assert all(isinstance(number, int) for number in hole[0])


def test_no_image_at_all(kind, tmp_path, capsys):
    coco = written(kind, tmp_path / "x.json", [])
    assert coco.dataset["images"] == coco.dataset["annotations"] == []
    assert coco.dataset["categories"] == [{"id": 1, "name": "object", "supercategory": ""}]


def test_without_categories_everything_is_an_object(kind, tmp_path, capsys):
    coco = written(kind, tmp_path / "x.json", awkward_images())
    assert coco.dataset["categories"] == [{"id": 1, "name": "object", "supercategory": ""}]
    assert {annotation["category_id"] for annotation in coco.anns.values()} == {1}


def test_categories_are_kept_and_those_given_have_their_numbers(kind, tmp_path, capsys):
    images = [
        annotated([HOLE, PARTS], image_id=1, categories=("Straße", "cat")),
        annotated([HOLE], image_id=2),
        annotated([PARTS], image_id=3, categories=("cat",)),
    ]
    coco = written(kind, tmp_path / "x.json", images, categories=("dog", "cat"))
    names = {category["id"]: category["name"] for category in coco.dataset["categories"]}
    assert names == {1: "dog", 2: "cat", 3: "Straße", 4: "object"}
    assert [annotation["category_id"] for annotation in coco.dataset["annotations"]] == [3, 2, 4, 2]


def test_classes_of_the_checkpoint_are_categories(kind, tmp_path, capsys):
    names = ("cat", "dog", "cow")
    classes = [
        mask_set(masks, class_names=names, class_index=index)
        for masks, index in ((np.zeros((0, 20, 30)), np.zeros(0, int)), ([HOLE, PARTS], np.array([2, 0])))
    ]
    coco = written(kind, tmp_path / "x.json", [AnnotatedImage(str(n), masks, n) for n, masks in enumerate(classes)])
    assert {category["id"]: category["name"] for category in coco.cats.values()} == {1: "cat", 2: "dog", 3: "cow"}
    assert [coco.cats[one["category_id"]]["name"] for one in coco.anns.values()] == ["cow", "cat"]


def test_nothing_is_lost(kind, tmp_path):
    with kind(tmp_path / "x.json") as writer:
        writer.add(annotated([HOLE, EMPTY]))
    assert (writer.losses.masks, writer.losses.changed, writer.losses.worst_iou) == (2, 0, 1.0)


def test_image_ids_must_differ(kind, tmp_path):
    with kind(tmp_path / "x.json") as writer:
        writer.add(annotated([HOLE], "a.jpg", 3))
        with pytest.raises(OutputError, match=r"'b.jpg' has the image id 3, which another image already has"):
            writer.add(annotated([HOLE], "b.jpg", 3))
    assert len(json.loads((tmp_path / "x.json").read_text())["images"]) == 1


def test_it_says_what_made_it(kind, tmp_path, capsys):
    info = written(kind, tmp_path / "x.json", [], info={"checkpoint": "test"}).dataset["info"]
    assert info["contributor"] == "samara"
    assert info["checkpoint"] == "test"


def test_ours_and_others(tmp_path):
    path = tmp_path / "annotations.json"
    write_coco(path, awkward_images(), {})
    assert is_ours(path)
    for text in ("{}", "[]", '{"info": 3}', '{"info": {"contributor": "COCO"}}', "no json", ""):
        path.write_text(text)
        assert not is_ours(path)
    assert not is_ours(tmp_path / "absent.json")


def test_nothing_half_written(tmp_path):
    path = tmp_path / "annotations.json"
    write_coco(path, awkward_images(), {"checkpoint": "first"})
    with pytest.raises(OutputError, match="JSON"):
        write_coco(path, awkward_images(), {"x": float("nan")})
    assert json.loads(path.read_text())["info"]["checkpoint"] == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["annotations.json"]


def test_classes_of_a_checkpoint_are_categories_in_their_order(tmp_path, capsys):
    names = ("cat", "dog", "cow")
    masks = mask_set([HOLE, PARTS], class_names=names, class_index=np.array([2, 0]))
    write_coco(tmp_path / "x.json", [AnnotatedImage("a.jpg", masks, 1)], {})
    coco = COCO(str(tmp_path / "x.json"))
    assert {category["id"]: category["name"] for category in coco.cats.values()} == {1: "cat", 2: "dog", 3: "cow"}
    assert [coco.cats[annotation["category_id"]]["name"] for annotation in coco.anns.values()] == ["cow", "cat"]
