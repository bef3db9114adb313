"""SA-1B's files, the published ones and our own, as one COCO document."""

from __future__ import annotations

import numpy as np
from PIL import Image

from samara.datasets.annotated import AnnotatedImage
from samara.datasets.reading.opening import open_data_set
from samara.datasets.reading.sa1b import as_coco, is_sa1b
from samara.datasets.writing.sa1b import Sa1bWriter
from tests.masks.test_mask_set import PART, WHOLE, mask_set


def test_what_we_write_we_read(tmp_path):
    for name in ("a.png", "sub/b.png"):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", WHOLE.shape[::-1]).save(tmp_path / "images" / name)
    with Sa1bWriter(tmp_path / "sa1b") as writer:
        writer.add(AnnotatedImage("a.png", mask_set([WHOLE, PART]), 1, categories=("cat", "dog")))
    (tmp_path / "sa1b" / "samara.json").unlink(missing_ok=True)
    (image,) = open_data_set(tmp_path / "sa1b", tmp_path / "images").images
    assert [one.category for one in image.instances] == ["cat", "dog"]
    for one, mask in zip(image.instances, (WHOLE, PART), strict=True):
        np.testing.assert_array_equal(one.rle.decode(), mask)


def test_equal_numbers_in_several_files_stay_apart():
    one = {"image": {"image_id": 1, "file_name": "a"}, "annotations": [{"id": 5}]}
    assert is_sa1b(one)
    assert not is_sa1b({"images": [], "annotations": []})
    both = as_coco([one, one])
    assert [image["id"] for image in both["images"]] == [1, 2]
    assert len({row["id"] for row in both["annotations"]}) == 2
    assert both["categories"] is None
