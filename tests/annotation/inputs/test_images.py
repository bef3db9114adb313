"""Images and prompts, as somebody names them."""

from __future__ import annotations

import pytest

from samara.annotation.inputs.images import has_boxes, open_images
from samara.errors import SettingsError
from tests.annotation.conftest import write_images
from tests.annotation.inputs.test_prompt_entries import coco


def test_lists_with_boxes_are_known_by_their_names():
    assert has_boxes(["a.json"])
    assert has_boxes(["data.YAML"])
    assert not has_boxes(["a.json", "b.json"])
    assert not has_boxes(["photos"])


def test_a_path_is_as_good_as_a_list_of_texts(tmp_path):
    write_images(tmp_path / "images", 2)
    source, asked = open_images(tmp_path / "images")
    assert (source.facts(), asked) == (open_images([str(tmp_path / "images")])[0].facts(), None)


def test_a_coco_file_brings_its_prompts(tmp_path):
    write_images(tmp_path / "images", 2)
    boxes = coco(tmp_path / "boxes.json", {"0001.png": [[1, 2, 10, 5]]})
    source, asked = open_images(boxes, folder=tmp_path / "images")
    assert (source.kind, list(asked.of_image)) == ("coco", ["0001.png"])
    with pytest.raises(SettingsError, match="brings its own boxes"):
        open_images(boxes, boxes)
