"""A COCO file that grows: nothing that somebody added or changed is lost, ids stay, names count from one folder."""

from __future__ import annotations

import json
import multiprocessing
import os

import numpy as np
import pytest
from pycocotools.coco import COCO

from samara.datasets.writing.coco_adding import NewImage, addable, read_addable
from samara.errors import OutputError
from samara.masks.mask_set import MaskSet
from samara.masks.rle import encode_mask

INFO = {"checkpoint": "none"}


def masks(count=2, classes=None):
    each = np.zeros((count, 6, 8), bool)
    for index in range(count):
        each[index, index : index + 3, 1:5] = True
    return MaskSet(
        rles=tuple(map(encode_mask, each)),
        size_hw=(6, 8),
        checkpoint="none",
        predicted_iou=np.linspace(0.5, 1, count),
        prompt_index=np.arange(count),
        class_index=None if classes is None else np.arange(count),
        class_names=classes,
    )


def add(path, *images, root=None, count=2, info=INFO, classes=None, **options):
    found = masks(count, classes)
    with addable(path, images, **options) as file:
        file.add([NewImage(image=one, masks=found) for one in images], root or images[0].parent, info)
    return json.loads(path.read_text())


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    for name in ("a.jpg", "b.jpg", "deep/a.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def ids(document, image_id):
    return [row["id"] for row in document["annotations"] if row["image_id"] == image_id]


def test_images_are_added_and_replaced_with_their_ids(images, tmp_path):
    path = tmp_path / "out" / "annotations.json"
    add(path, images / "a.jpg")
    before = add(path, images / "b.jpg")
    assert [row["file_name"] for row in before["images"]] == ["a.jpg", "b.jpg"]
    assert (ids(before, 1), ids(before, 2)) == ([1, 2], [3, 4])
    after = add(path, images / "a.jpg", count=3)
    assert [row["file_name"] for row in after["images"]] == ["a.jpg", "b.jpg"]
    assert (ids(after, 1), ids(after, 2)) == ([1, 2, 5], [3, 4])
    assert ids(add(path, images / "a.jpg", count=1), 1) == [1]
    assert len(COCO(str(path)).anns) == 3
    assert list(path.parent.iterdir()) == [path]


def test_one_image_has_one_entry_however_it_is_called(images, tmp_path, monkeypatch):
    path = tmp_path / "annotations.json"
    (images / "link.jpg").symlink_to("a.jpg")
    monkeypatch.chdir(images)
    for name in ("a.jpg", "./a.jpg", str(images / "a.jpg"), "deep/../a.jpg", "link.jpg"):
        document = add(path, images / name, root=images)
    assert [row["file_name"] for row in document["images"]] == ["a.jpg"]


def test_names_count_from_the_folder_that_holds_all(images, tmp_path):
    path = tmp_path / "annotations.json"
    add(path, images / "deep" / "a.jpg")
    document = add(path, images / "a.jpg")
    assert [row["file_name"] for row in document["images"]] == ["deep/a.jpg", "a.jpg"]
    assert document["info"]["images"] == "images"
    document = add(path, images / "deep" / "a.jpg")
    assert [row["file_name"] for row in document["images"]] == ["deep/a.jpg", "a.jpg"]


def test_what_somebody_added_stays(images, tmp_path):
    path = tmp_path / "annotations.json"
    document = add(path, images / "a.jpg")
    by_hand = {"id": 77, "image_id": 1, "category_id": 9, "bbox": [0, 0, 2, 2], "note": "mine"}
    document["annotations"].append(by_hand)
    document["categories"].append({"id": 9, "name": "cell", "colour": "red"})
    document["images"][0]["where"] = "Kiel"
    document |= {"notes": [1.5, "ü"], "licenses": [{"id": 1, "name": "ours"}]}
    document["info"]["description"] = "of mine"
    path.write_text(json.dumps(document))
    for image in ("a.jpg", "b.jpg"):
        after = add(path, images / image, classes=("dog", "cell"))
    assert by_hand in after["annotations"]
    assert [row["id"] for row in after["annotations"]] == [77, 1, 2, 78, 79]
    assert [(row["id"], row["name"]) for row in after["categories"]] == [(1, "object"), (9, "cell"), (10, "dog")]
    assert after["categories"][1]["colour"] == "red"
    assert after["images"][0]["where"] == "Kiel"
    assert (after["notes"], after["licenses"]) == ([1.5, "ü"], [{"id": 1, "name": "ours"}])
    assert after["info"]["description"] == "of mine"


def test_what_was_changed_by_hand_is_not_replaced(images, tmp_path):
    path = tmp_path / "annotations.json"
    document = add(path, images / "a.jpg")
    document["annotations"][0]["bbox"] = [0, 0, 1, 1]
    path.write_text(json.dumps(document))
    with pytest.raises(OutputError, match="'a.jpg' in .* were changed by hand; .* `overwrite=True`"):
        add(path, images / "a.jpg")
    assert json.loads(path.read_text()) == document
    assert add(path, images / "b.jpg")["annotations"][0]["bbox"] == [0, 0, 1, 1]
    assert len(add(path, images / "a.jpg", overwrite=True)["images"]) == 1


def test_each_image_says_what_made_its_masks(images, tmp_path):
    path = tmp_path / "annotations.json"
    add(path, images / "a.jpg", info={"checkpoint": "fastsam_s", "licence_of_weights": "AGPL-3.0", "prompts": [1]})
    document = add(path, images / "b.jpg", info={"checkpoint": "samara_mini", "settings": {"points_per_side": 3}})
    assert [row["run"] for row in document["images"]] == [1, 2]
    assert [run["checkpoint"] for run in document["info"]["runs"]] == ["fastsam_s", "samara_mini"]
    assert document["info"]["checkpoint"] == "samara_mini"
    assert "prompts" not in document["info"]  # those of another run
    assert add(path, images / "a.jpg", info={"checkpoint": "fastsam_s"})["images"][0]["run"] == 3


def test_files_of_earlier_versions_are_added_to(images, tmp_path, monkeypatch):
    """Names were absolute or relative to the working folder, and the info was that of the only run."""
    path = tmp_path / "annotations.json"
    document = add(path, images / "a.jpg")
    document["images"][0] = {"id": 1, "file_name": str(images / "a.jpg"), "height": 6, "width": 8}
    document["info"] = {"contributor": "samara", "version": "0", "checkpoint": "old"}
    path.write_text(json.dumps(document))
    monkeypatch.chdir(images)
    after = add(path, images / "b.jpg")
    assert [row["file_name"] for row in after["images"]] == ["a.jpg", "b.jpg"]
    assert [row["run"] for row in after["images"]] == [1, 2]
    assert after["info"]["runs"][0] == {"checkpoint": "old"}
    assert len(add(path, images / "a.jpg")["images"]) == 2


OURS = {"info": {"contributor": "samara"}, "images": [], "annotations": [], "categories": []}
IMAGE = {"id": 1, "file_name": "a.jpg"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not JSON"),
        ('{"info": {"contributor": "samara"', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("\x00\x01", "is not JSON"),
        ("[1]", "was not written by samara"),
        ({"info": {"contributor": "COCO"}}, "was not written by samara"),
        ({**OURS, "info": {}}, "was not written by samara"),
        ({**OURS, "images": None}, "its list 'images' is missing"),
        ({**OURS, "images": [1]}, "has no valid id and file_name in entry 1"),
        ({**OURS, "images": [IMAGE, {"id": 2}]}, "has no valid id and file_name in entry 2"),
        ({**OURS, "images": [{"id": 2, "file_name": "a\0"}]}, "has no valid id"),
        ({**OURS, "images": [IMAGE, IMAGE]}, "has an id twice"),
        ({**OURS, "annotations": [{"id": [], "image_id": 1}]}, "has no valid id and image_id"),
        ({**OURS, "categories": [{"id": 1, "name": 5}]}, "has no valid id and name"),
        ('{"info": {"contributor": "samara"}, "x": NaN}', "is not JSON .it contains NaN"),
    ],
)
def test_what_cannot_be_added_to_is_left_alone(images, tmp_path, content, message):
    path = tmp_path / "annotations.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    before = path.read_bytes()
    with pytest.raises(OutputError, match=message) as caught:
        add(path, images / "a.jpg")
    assert "`overwrite=True`" in str(caught.value)
    assert path.read_bytes() == before
    assert len(add(path, images / "a.jpg", overwrite=True)["images"]) == 1


def test_a_failure_in_the_middle_leaves_the_old_file(images, tmp_path, monkeypatch):
    path = tmp_path / "annotations.json"
    add(path, images / "a.jpg")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OutputError, match="No space left"):
            add(path, images / "b.jpg")
    assert path.read_bytes() == before
    with pytest.raises(KeyboardInterrupt), addable(path) as _:
        raise KeyboardInterrupt
    assert path.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["annotations.json", "images"]


def _add_many(path, images, begin):
    begin.wait()
    for image in images:
        add(path, image)


def test_processes_at_once_lose_nothing(tmp_path):
    context = multiprocessing.get_context("fork")
    begin, path = context.Event(), tmp_path / "annotations.json"
    names = [[tmp_path / f"{writer}-{number}.jpg" for number in range(6)] for writer in range(3)]
    writers = [context.Process(target=_add_many, args=(path, mine, begin)) for mine in names]
    for writer in writers:
        writer.start()
    begin.set()
    for writer in writers:
        writer.join()
    document = json.loads(path.read_text())
    assert {row["file_name"] for row in document["images"]} == {one.name for mine in names for one in mine}
    assert len({row["id"] for row in document["annotations"]}) == 36


def test_no_file_is_an_empty_one(tmp_path):
    assert read_addable(tmp_path / "annotations.json").image_of(tmp_path / "a.jpg") is None
