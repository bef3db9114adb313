"""A data set of a few drawn images, in folders as the real one's."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from samara.masks.rle import encode_mask
from training.packed_set import pack, read_packed


def write_source(folder, images, size=(90, 120), seed=0):
    """One source: bright rectangles on noise, with instances.json; returns images and masks."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    document = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "bright"}]}
    made = []
    for index in range(images):
        image = rng.integers(0, 60, (*size, 3), dtype=np.uint8)
        masks = []
        for part in range(3):
            mask = np.zeros(size, dtype=bool)
            top, height = int(rng.integers(2, size[0] // 2)), int(rng.integers(20, size[0] // 2 - 4))
            left = part * size[1] // 3 + 2
            mask[top : top + height, left : left + size[1] // 4] = True
            image[mask] = (250, 60 * part, 90)
            masks.append(mask)
            document["annotations"].append(
                {
                    "id": len(document["annotations"]) + 1,
                    "image_id": index,
                    "category_id": 1,
                    "iscrowd": 0,
                    "segmentation": encode_mask(mask).to_coco(),
                }
            )
        name = f"images/{folder.name}_{index:03d}.png"
        cv2.imwrite(str(folder / name), image[..., ::-1])
        entry = {"id": index, "file_name": name, "height": size[0], "width": size[1], "source": folder.name}
        document["images"].append(entry)
        made.append((image, np.stack(masks)))
    (folder / "instances.json").write_text(json.dumps(document))
    return made


@pytest.fixture(scope="session")
def packed(tmp_path_factory):
    """Two sources, packed: 12 images of "drawn" and 4 of "dubai"."""
    folder = tmp_path_factory.mktemp("sources")
    write_source(folder / "drawn", 12)
    write_source(folder / "dubai", 4, seed=1)
    out = folder / "packed.safetensors"
    pack([folder / "drawn", folder / "dubai"], out, longest_side=384, quality=95)
    return read_packed(out)
