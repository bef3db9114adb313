"""SA-1B's files, decoded by pycocotools."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

import numpy as np
from pycocotools import mask as coco_mask

from samara.datasets.writing.sa1b import Sa1bWriter
from tests.datasets.awkward import HOLE, PARTS, annotated, awkward_images
from tests.masks.test_mask_set import mask_set


def test_every_mask_is_read(tmp_path):
    images = awkward_images()
    with Sa1bWriter(tmp_path / "sa-1b") as writer:
        for image in images:
            writer.add(image)
    for image in images:
        path = tmp_path / "sa-1b" / PurePosixPath(image.file_name).with_suffix(".json")
        document = json.loads(path.read_text())
        assert document["image"] == {
            "image_id": image.image_id,
            "width": 30,
            "height": 20,
            "file_name": image.file_name,
        }
        assert [row["id"] for row in document["annotations"]] == list(range(1, len(image.masks) + 1))
        for index, row in enumerate(document["annotations"]):
            np.testing.assert_array_equal(coco_mask.decode(row["segmentation"]), image.masks.mask(index))
            np.testing.assert_array_equal(coco_mask.toBbox(row["segmentation"]), row["bbox"])
            assert row["area"] == coco_mask.area(row["segmentation"])
            assert not {"image_id", "category_id", "category"} & set(row)


def test_the_networks_numbers_and_categories_are_kept(tmp_path):
    masks = mask_set(
        [HOLE, PARTS],
        stability_score=np.array([0.5, 0.75]),
        points_xy=np.array([[4.5, 3.5], [1, 2]]),
        crop_boxes_xyxy=np.array([[0, 0, 30, 20], [2, 3, 30, 20]]),
    )
    image = annotated([], "sa_1.jpg")
    object.__setattr__(image, "masks", masks)
    object.__setattr__(image, "categories", ("cat", "dog"))
    with Sa1bWriter(tmp_path / "sa-1b") as writer:
        writer.add(image)
    first, second = json.loads((tmp_path / "sa-1b" / "sa_1.json").read_text())["annotations"]
    assert (first["stability_score"], first["point_coords"], first["category"]) == (0.5, [[4.5, 3.5]], "cat")
    assert (second["crop_box"], second["predicted_iou"], second["category"]) == ([2, 3, 28, 17], 0.5, "dog")
