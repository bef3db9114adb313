"""Label Studio tasks: the structure that its documentation asks for, and masks decoded by other code than ours."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest

import samara.datasets.writing.label_studio as module
from samara.datasets.writing.label_studio import LabelStudioBrushWriter, LabelStudioPolygonWriter
from samara.datasets.writing.options import WriterOptions
from tests.datasets.awkward import EMPTY, HOLE, MASKS, PARTS, annotated, awkward_images
from tests.datasets.writing.test_brush_rle import decoded
from tests.datasets.writing.test_yolo import ONE_PART, filled

KINDS = {"brushlabels": LabelStudioBrushWriter, "polygonlabels": LabelStudioPolygonWriter}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def written(kind, out, images, **options):
    with KINDS[kind](out, WriterOptions(**options)) as writer:
        for image in images:
            writer.add(image)
    files = sorted(out.glob("tasks-*.json"))
    return [task for file in files for task in json.loads(file.read_text())], writer.losses


def test_tasks_have_the_form_of_predictions(kind, tmp_path):
    images = awkward_images()
    tasks, _ = written(kind, tmp_path / "ls", images, info={"checkpoint": "vit_b"})
    assert [task["data"] for task in tasks] == [{"image": image.file_name} for image in images]
    config = ElementTree.parse(tmp_path / "ls" / "labelling_config.xml").getroot()
    control = config[1]
    assert (control.tag.lower(), control.get("toName")) == (kind, config[0].get("name"))
    assert config[0].get("value") == "$image"
    for task, image in zip(tasks, images, strict=True):
        (prediction,) = task["predictions"]
        assert prediction["model_version"] == "vit_b"
        regions = prediction["result"]
        assert prediction.get("score") == (image.masks.predicted_iou.min() if regions else None)
        assert len({region["id"] for region in regions}) == len(regions) == len(image.masks)
        for index, region in enumerate(regions):
            assert (region["type"], region["from_name"], region["to_name"]) == (kind, control.get("name"), "image")
            assert (region["original_width"], region["original_height"], region["image_rotation"]) == (30, 20, 0)
            assert region["value"][kind] == ["object"]
            assert region["score"] == image.masks.predicted_iou[index]


def test_brush_strokes_are_the_masks(tmp_path):
    image = annotated([*MASKS.values(), EMPTY])
    (task,), losses = written("brushlabels", tmp_path / "ls", [image])
    for region, mask in zip(task["predictions"][0]["result"], [*MASKS.values(), EMPTY], strict=True):
        assert region["value"]["format"] == "rle"
        values = decoded(region["value"]["rle"], mask.shape)
        np.testing.assert_array_equal(values, np.repeat(mask[..., None], 4, 2) * 255)
    assert losses.changed == 0


def test_polygons_are_the_masks(tmp_path):
    names = [*ONE_PART, "parts"]
    (task,), losses = written("polygonlabels", tmp_path / "ls", [annotated([*(MASKS[n] for n in names), EMPTY])])
    regions = task["predictions"][0]["result"]
    assert len(regions) == len(names)  # the empty one has no polygon
    for region, name in zip(regions, names, strict=True):
        points = np.array(region["value"]["points"])
        assert points.min() >= 0
        assert points.max() <= 100
        if name != "parts":
            np.testing.assert_array_equal(filled(points / 100 * (30, 20), (20, 30)), MASKS[name])
    assert (losses.changed, losses.left_out) == (2, 1)
    assert losses.worst == f"a.png, mask {len(names) - 1}"


def test_labels_are_those_of_the_configuration(kind, tmp_path):
    images = [annotated([HOLE, PARTS], categories=("Straße & <x>", "cat")), annotated([HOLE], "b.png", 2)]
    tasks, _ = written(kind, tmp_path / "ls", images, categories=("dog",))
    labels = [label.get("value") for label in ElementTree.parse(tmp_path / "ls" / "labelling_config.xml").iter("Label")]
    assert labels == ["dog", "Straße & <x>", "cat", "object"]
    used = [region["value"][kind] for task in tasks for region in task["predictions"][0]["result"]]
    assert used == [["Straße & <x>"], ["cat"], ["object"]]


@pytest.mark.parametrize(
    ("prefix", "address"),
    [
        ("", "ä b/c#1.png"),
        ("s3://bucket/", "s3://bucket/ä b/c#1.png"),
        ("/data/local-files/?d=", "/data/local-files/?d=%C3%A4%20b/c%231.png"),
        ("https://host/", "https://host/%C3%A4%20b/c%231.png"),
    ],
)
def test_addresses(tmp_path, prefix, address):
    (task,), _ = written("brushlabels", tmp_path / "ls", [annotated([], "ä b/c#1.png")], image_url_prefix=prefix)
    assert task["data"]["image"] == address


def test_files_stay_small_enough_for_an_import(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LARGEST_FILE_BYTES", 20_000)
    images = [annotated(list(MASKS.values()), f"{n}.png", n) for n in range(1, 12)]
    tasks, _ = written(kind, tmp_path / "ls", images)
    assert [task["data"]["image"] for task in tasks] == [image.file_name for image in images]
    sizes = [file.stat().st_size for file in (tmp_path / "ls").glob("tasks-*.json")]
    assert len(sizes) > 1
    assert max(sizes) < 25_000


def test_no_image_at_all(kind, tmp_path):
    assert written(kind, tmp_path / "ls", [])[0] == []
    assert (tmp_path / "ls" / "tasks-0001.json").is_file()
