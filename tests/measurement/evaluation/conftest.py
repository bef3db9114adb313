"""Drawn images with ground truth, and models whose answers are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from samara.masks.mask_set import MaskSet
from samara.masks.rle import encode_mask
from samara.measurement.evaluation.adapters import Answer
from samara.networks.variants import Capabilities

SIZE = (60, 80)


def rectangle(top, left, bottom, right, size=SIZE):
    mask = np.zeros(size, bool)
    mask[top:bottom, left:right] = True
    return mask


def write_coco(folder, sources=("a", "a", "b"), objects=3, seed=0):
    """Noisy images with bright rectangles; one entry of `sources` per image, None for no source."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    document = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "bright"}]}
    for index, source in enumerate(sources):
        image = rng.integers(0, 60, (*SIZE, 3), dtype=np.uint8)
        name = f"{source}_{index}.png"
        for part in range(objects):
            left = part * SIZE[1] // objects
            height, width = (int(side) for side in rng.integers(12, SIZE[1] // objects - 1, 2))
            top = int(rng.integers(0, SIZE[0] - height))
            mask = rectangle(top, left, top + height, left + width)
            image[mask] = (250, 60 * part, 90)
            document["annotations"].append(annotation(len(document["annotations"]) + 1, index, mask))
        Image.fromarray(image).save(folder / "images" / name)
        entry = {"id": index, "file_name": name, "height": SIZE[0], "width": SIZE[1]}
        document["images"].append(entry if source is None else entry | {"source": source})
    path = folder / "instances.json"
    path.write_text(json.dumps(document))
    return path


def annotation(number, image, mask, **changes):
    segmentation = encode_mask(mask).to_coco()
    return {"id": number, "image_id": image, "category_id": 1, "iscrowd": 0, "segmentation": segmentation} | changes


@pytest.fixture
def coco(tmp_path):
    """Path of the ground truth; images lie in `images` beside it."""
    return write_coco(tmp_path)


class BoxItself:
    """Of a box the box, of points a square around the last one; everything is the quarters of the image."""

    def __init__(self, capabilities=None):
        self.capabilities = capabilities or Capabilities(mask_input=False)
        self.asked = []
        self.embedded = 0

    def embed(self, image):
        self.embedded += 1
        return image.shape[:2]

    def answer(self, seen, prompts):
        self.asked.append(list(prompts))
        return [self._answer(seen, prompt) for prompt in prompts]

    def _answer(self, size, prompt):
        mask = np.zeros(size, bool)
        if prompt.box_xyxy is not None:
            x0, y0, x1, y1 = np.round(prompt.box_xyxy).astype(int)
        else:
            x, y = prompt.points_xy[-1].astype(int)
            x0, y0, x1, y1 = max(0, x - 8), max(0, y - 8), x + 9, y + 9
        mask[y0:y1, x0:x1] = True
        logits = np.full((4, 4), float(len(prompt.points_xy)), np.float32)
        return Answer(encode_mask(mask), 0.5, logits)

    def everything(self, seen):
        height, width = seen[0] // 2, seen[1] // 2
        quarters = [
            rectangle(top, left, top + height, left + width, seen) for top in (0, height) for left in (0, width)
        ]
        return mask_set(quarters, np.linspace(0.9, 0.1, 4))


def mask_set(masks, scores):
    masks = list(masks)
    return MaskSet(
        rles=tuple(encode_mask(mask) for mask in masks),
        size_hw=masks[0].shape if masks else SIZE,
        checkpoint="drawn",
        predicted_iou=np.asarray(scores, np.float64),
        prompt_index=np.arange(len(masks)),
    )
