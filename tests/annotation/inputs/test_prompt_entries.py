"""Prompt files and the images that they speak of."""

from __future__ import annotations

import json

import pytest

from samara.annotation.inputs.prompt_entries import open_coco, open_prompts
from samara.annotation.inputs.sources import open_source
from samara.annotation.store.plan import Asked, PlannedImage
from samara.errors import SettingsError


def coco(path, boxes):
    """One image 40 × 32 per name, its boxes as x, y, width, height."""
    names = list(boxes)
    document = {
        "images": [{"id": n, "file_name": name, "width": 40, "height": 32} for n, name in enumerate(names)],
        "categories": [{"id": 7, "name": "rod"}],
        "annotations": [
            {"id": 10 * n + k, "image_id": n, "category_id": 7, "bbox": box}
            for n, name in enumerate(names)
            for k, box in enumerate(boxes[name])
        ],
    }
    path.write_text(json.dumps(document))
    return path


def test_boxes_find_their_images(images, tmp_path):
    path = coco(tmp_path / "boxes.json", {"0003.png": [[1, 2, 10, 5], [0, 0, 4, 4]], "deep/0001.png": []})
    source = open_source([str(images)])
    prompts = open_prompts(path, source)
    entries = list(prompts.entries(source.entries()))
    assert entries == [
        PlannedImage(2, "0001.png"),
        PlannedImage(
            4,
            "0003.png",
            None,
            (Asked(box=(1.0, 2.0, 11.0, 7.0), category="rod"), Asked(box=(0.0, 0.0, 4.0, 4.0), category="rod")),
        ),
    ]
    assert prompts.left_out == 4
    assert set(prompts.facts()) == {"file", "sha256"}


def test_a_coco_file_lists_its_own_images(images, tmp_path):
    path = coco(images / "boxes.json", {"0003.png": [[1, 2, 10, 5]]})
    source, prompts = open_coco(path, None)
    (entry,) = prompts.entries(source.entries())
    assert source.read(entry).size_bytes == (images / "0003.png").stat().st_size
    elsewhere, _ = open_coco(path, tmp_path)
    assert elsewhere.root == tmp_path


def test_points_and_labels(images, tmp_path):
    (tmp_path / "points.csv").write_text(
        "file,x,y,label,object\n0000.png,3,4,1,a\n0000.png,9,9,0,a\n0000.png,5,5,1,b\n"
    )
    source = open_source([str(images)])
    (entry,) = open_prompts(tmp_path / "points.csv", source).entries(source.entries())
    assert entry.asked == (Asked(((3.0, 4.0), (9.0, 9.0)), (1, 0)), Asked(((5.0, 5.0),), (1,)))
    labels = tmp_path / "labels"
    labels.mkdir()
    (labels / "0002.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    prompts = open_prompts(labels, source)
    (entry,) = prompts.entries(source.entries())
    assert entry.asked[0].box == (10.0, 8.0, 30.0, 24.0)
    assert prompts.facts() == {"file": str(labels)}


def test_prompts_for_nobody_are_refused(images, tmp_path):
    path = coco(tmp_path / "boxes.json", {"0003.png": [[1, 2, 10, 5]], "elsewhere.png": []})
    source = open_source([str(images)])
    with pytest.raises(SettingsError, match=r"1 images that are not among the images; the first is 'elsewhere.png'"):
        list(open_prompts(path, source).entries(source.entries()))


def test_a_wrong_folder_of_images_is_refused_with_its_name(images, tmp_path):
    path = coco(tmp_path / "boxes.json", {"0003.png": [[1, 2, 10, 5]], "0001.png": []})
    (tmp_path / "wrong").mkdir()
    source, _ = open_coco(path, tmp_path / "wrong")
    with pytest.raises(
        SettingsError, match=r"2 of the 2 images .*boxes.json.*'0003.png', looked for in .*wrong.*`image_folder`"
    ):
        list(source.entries())
    with pytest.raises(SettingsError, match="nowhere is not a folder"):
        open_coco(path, tmp_path / "nowhere")


def test_images_of_a_coco_file_are_found_as_evaluate_finds_them(images, tmp_path):
    (images / "deep").mkdir()
    (images / "0002.png").rename(images / "deep" / "0002.PNG")
    given = {"images/0003.png": [[1, 2, 10, 5]], "0002.png": [], "0009.png": []}
    source, _ = open_coco(coco(tmp_path / "boxes.json", given), images)
    assert [entry.name for entry in source.entries()] == list(given)  # as the file has them
    assert source.path_of("images/0003.png") == images / "0003.png"
    assert source.path_of("0002.png") == images / "deep" / "0002.PNG"
    assert source.listing.missing == 1
    twice, _ = open_coco(coco(tmp_path / "boxes.json", {"0003.png": [[1, 2, 10, 5]], "x/0003.png": []}), images)
    with pytest.raises(SettingsError, match="twice, as '0003.png' and as 'x/0003.png'"):
        list(twice.entries())
