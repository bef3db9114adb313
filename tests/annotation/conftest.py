"""Images and masks of no meaning, fresh in every test and the same on every machine."""

from __future__ import annotations

import hashlib
import multiprocessing

import numpy as np
import pytest
from PIL import Image

from samara.annotation.store.plan import PlannedImage
from samara.annotation.store.rows import ImageRow
from samara.masks.mask_set import MaskSet
from samara.masks.rle import encode_mask

JOB = {"checkpoint": {"name": "none", "sha256": "0" * 64}, "settings": {"points_per_side": 32}}


def random_masks(seed, count=3, size_hw=(12, 16)):
    random = np.random.default_rng(seed)
    return MaskSet(
        rles=tuple(encode_mask(random.random(size_hw) < 0.3) for _ in range(count)),
        size_hw=size_hw,
        checkpoint="none",
        predicted_iou=random.random(count).astype(np.float32).astype(np.float64),
        prompt_index=np.arange(count),
        stability_score=random.random(count).astype(np.float32).astype(np.float64),
        points_xy=random.integers(0, 12, (count, 2)).astype(np.float64),
        crop_boxes_xyxy=np.tile(np.array([0, 0, size_hw[1], size_hw[0]]), (count, 1)),
    )


def image_row(image_id, masks=3, **fields):
    sha256 = hashlib.sha256(str(image_id).encode()).hexdigest()
    known = {"path": f"{image_id}.png", "sha256": sha256, "size_bytes": 9, "height": 12, "width": 16, "masks": masks}
    return ImageRow(**known | fields, image_id=image_id)


def entries(count):
    return [PlannedImage(index, f"{index}.png") for index in range(1, count + 1)]


def write_images(folder, count, size=(40, 32), first=0):
    """Noise with a bright disc, as PNG files named by number; their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for number in range(first, first + count):
        random = np.random.default_rng(number)
        pixels = random.integers(0, 90, (size[1], size[0], 3), dtype=np.uint8)
        y, x = np.mgrid[: size[1], : size[0]]
        disc = (x - random.integers(8, size[0] - 8)) ** 2 + (y - random.integers(8, size[1] - 8)) ** 2 < 40
        pixels[disc] = 255
        names.append(f"{number:04d}.png")
        Image.fromarray(pixels).save(folder / names[-1])
    return names


@pytest.fixture(scope="session")
def processes():
    """Processes that begin at once, because their server has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.annotation.run.test_workers"])
    return context


@pytest.fixture
def images(tmp_path):
    """A folder of six small images."""
    write_images(tmp_path / "images", 6)
    return tmp_path / "images"
