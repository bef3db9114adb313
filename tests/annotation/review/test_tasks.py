"""Tasks: the most doubtful images first, with all of their masks and the reason."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from samara.annotation.review.settings import ReviewSettings
from samara.annotation.review.tasks import doubtful_images, write_tasks
from samara.errors import SettingsError
from tests.annotation.review.stores import store_of


@pytest.fixture
def store(tmp_path):
    return store_of(tmp_path, ("good",), ("good", "leaking"), None, ("unsure", "disagreeing"), ())


def test_the_most_doubtful_come_first(store):
    doubted = doubtful_images(store, ReviewSettings())
    assert [one.image_id for one in doubted.images] == [4, 5, 2]
    assert (doubted.found, doubted.looked_at) == (3, 4)
    assert doubted.by_reason == {
        "low predicted IoU": 1,
        "answers disagree": 1,
        "near duplicate": 2,
        "leaks out of its box": 1,
        "no mask": 1,
    }
    few = doubtful_images(store, ReviewSettings(most=2))
    assert [one.image_id for one in few.images] == [4, 5]
    assert few.found == 3


def test_label_studio_shows_masks_and_reason(store, tmp_path):
    doubted = doubtful_images(store, ReviewSettings())
    losses = write_tasks(store, doubted.images, tmp_path / "out", "label-studio")
    folder = tmp_path / "out" / "label-studio"
    tasks = json.loads((folder / "tasks-0001.json").read_text())
    assert [task["data"]["samara_image_id"] for task in tasks] == [4, 5, 2]
    assert tasks[2]["data"]["image"] == "0001.png"
    assert "leaks out of its box" in tasks[2]["data"]["samara_reason"]
    assert [region["id"] for region in tasks[2]["predictions"][0]["result"]] == ["2-0", "2-1"]
    shown = ElementTree.parse(folder / "labelling_config.xml").getroot().find("Text")
    assert shown.get("value") == "$samara_reason"
    assert losses.masks == 4


def test_coco_keeps_the_numbers_of_masks(store, tmp_path):
    write_tasks(store, doubtful_images(store, ReviewSettings()).images, tmp_path / "out", "coco")
    document = json.loads((tmp_path / "out" / "coco.json").read_text())
    assert [image["samara_image_id"] for image in document["images"]] == [4, 5, 2]
    assert [row["samara_mask"] for row in document["annotations"]] == [0, 1, 0, 1]


def test_formats_that_do_not_come_back_are_refused(store, tmp_path):
    with pytest.raises(SettingsError, match="the format 'yolo' is not for review; use one of label-studio"):
        write_tasks(store, (), tmp_path / "out", "yolo")
