"""COCO documents: read by pycocotools, written completely or not at all."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from samara.datasets.coco import AnnotatedImage, coco_document, is_ours, write_coco
from samara.errors import DatasetError, OutputError
from tests.test_results import EMPTY, OTHER, PART, WHOLE, mask_set


@pytest.fixture
def document():
    images = [
        AnnotatedImage("a.jpg", mask_set([WHOLE, PART])),
        AnnotatedImage("empty.jpg", mask_set(EMPTY)),
        AnnotatedImage("b.jpg", mask_set([OTHER])),
    ]
    return coco_document(images, {"checkpoint": "test"})


def test_pycocotools_reads_it(document, tmp_path, capsys):
    path = tmp_path / "annotations.json"
    write_coco(path, document)
    coco = COCO(str(path))
    assert [len(coco.getAnnIds(imgIds=[image])) for image in (1, 2, 3)] == [2, 0, 1]
    assert sorted(coco.anns) == [1, 2, 3]
    np.testing.assert_array_equal(coco.annToMask(coco.anns[3]).astype(bool), OTHER)
    assert coco.imgs[2] == {"id": 2, "file_name": "empty.jpg", "height": 20, "width": 30}


def test_it_says_what_made_it(document):
    assert document["info"]["contributor"] == "samara"
    assert document["info"]["checkpoint"] == "test"


def test_ours_and_others(document, tmp_path):
    path = tmp_path / "annotations.json"
    write_coco(path, document)
    assert is_ours(path)
    for text in ("{}", "[]", '{"info": 3}', '{"info": {"contributor": "COCO"}}', "no json", ""):
        path.write_text(text)
        assert not is_ours(path)
    assert not is_ours(tmp_path / "absent.json")


def test_nothing_half_written(document, tmp_path):
    path = tmp_path / "annotations.json"
    write_coco(path, document)
    before = path.read_text()
    with pytest.raises(ValueError, match="JSON"):
        write_coco(path, document | {"x": float("nan")})
    assert json.loads(path.read_text()) == json.loads(before)
    with pytest.raises(OutputError, match=r"nowhere.*cannot be written"):
        write_coco(tmp_path / "nowhere" / "annotations.json", document)
    assert [p.name for p in tmp_path.iterdir()] == ["annotations.json"]


def of_classes(masks, names, index=()):
    count = len(masks)
    return mask_set(masks if count else EMPTY, class_names=names, class_index=np.array(index or [0] * count, dtype=int))


def test_classes_are_categories(tmp_path, capsys):
    names = ("cat", "dog", "cow")
    images = [
        AnnotatedImage("empty.jpg", of_classes([], names)),
        AnnotatedImage("a.jpg", of_classes([WHOLE, PART], names, [2, 0])),
    ]
    write_coco(tmp_path / "x.json", coco_document(images, {}))
    coco = COCO(str(tmp_path / "x.json"))
    assert {category["id"]: category["name"] for category in coco.cats.values()} == {1: "cat", 2: "dog", 3: "cow"}
    assert [coco.cats[annotation["category_id"]]["name"] for annotation in coco.anns.values()] == ["cow", "cat"]


def test_without_classes_or_images_the_category_is_object(document):
    for made in (document, coco_document([], {})):
        assert made["categories"] == [{"id": 1, "name": "object", "supercategory": ""}]
    fast = coco_document([AnnotatedImage("a.jpg", of_classes([WHOLE], ("object",)))], {})
    assert fast["categories"] == document["categories"]


def test_checkpoints_with_other_classes_need_another_document():
    images = [AnnotatedImage(str(i), of_classes([WHOLE], names)) for i, names in enumerate((("a", "b"), ("c",)))]
    with pytest.raises(DatasetError, match=r"different classes \(a, ... and c, ...\)"):
        coco_document(images, {})
