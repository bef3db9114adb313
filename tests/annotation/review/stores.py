"""A store whose masks have known faults, for the tests of review and report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from samara.annotation.review.settings import ReviewSettings
from samara.annotation.store.plan import Asked, PlannedImage
from samara.annotation.store.rows import mask_table
from samara.annotation.store.store import create_store
from samara.masks.mask_set import MaskSet
from samara.masks.rle import encode_mask
from tests.annotation.conftest import image_row, write_images
from tests.masks.test_mask_set import rectangle

LIMITS = ReviewSettings(predicted_iou=0.7, stability=0.8)
SIZE = 20, 30
BOX = (2.0, 2.0, 12.0, 12.0)
JOB = {
    "checkpoint": {"name": "none", "sha256": "0" * 64, "licence": "Apache-2.0", "weights": "file"},
    "settings": {},
}


def square(x=2, y=2, side=10):
    return rectangle(x, y, x + side, y + side)


# Each mask with its predicted IoU, the answers' agreement and its fault.
MASKS = {
    "good": (square(), 0.95, 0.9),
    "unsure": (square(), 0.35, 0.9),
    "disagreeing": (square(), 0.95, 0.06),
    "leaking": (square(2, 2, 14), 0.95, 0.9),
    "small": (square(2, 2, 3), 0.95, 0.9),
    "scattered": (square() & (np.indices(SIZE).sum(0) % 3 == 0) & (np.indices(SIZE)[0] % 2 == 0), 0.95, 0.9),
}


def masks_of(*names, boxes=True):
    pixels, iou, answers = zip(*(MASKS[name] for name in names), strict=True) if names else ((), (), ())
    return MaskSet(
        rles=tuple(map(encode_mask, pixels)),
        size_hw=SIZE,
        checkpoint="none",
        predicted_iou=np.array(iou, np.float64),
        prompt_index=np.arange(len(names)),
        answer_iou=np.array(answers, np.float64) if boxes else None,
    )


def store_of(folder, *images, boxes=True, classes=None, hierarchy=False, images_per_shard=2):
    """A sealed store with one image per tuple of names of masks; None for a quarantined image."""
    root = folder / "images"
    names = write_images(root, len(images), size=SIZE[::-1])
    job = JOB | {"source": {"kind": "folder", "root": str(root)}}
    plan = [PlannedImage(number, name) for number, name in enumerate(names, start=1)]
    store = create_store(folder / "store", job, plan, images_per_shard=images_per_shard)
    for shard in store.shards():
        rows, tables = [], []
        for entry in shard.entries():
            named = images[entry.image_id - 1]
            facts = {"path": entry.name, "height": SIZE[0], "width": SIZE[1]}
            if named is None:
                rows.append(image_row(entry.image_id, 0, status="quarantined", reason="is a PDF", **facts))
                continue
            rows.append(image_row(entry.image_id, len(named), **facts))
            masks = masks_of(*named, boxes=boxes)
            masks = replace(masks, parent=np.array([-1] + [0] * (len(named) - 1))) if hierarchy and named else masks
            asked = [Asked(box=BOX) for _ in named] if boxes else []
            tables.append(mask_table(rows[-1], masks, asked, classes and classes[: len(named)]))
        files = store.files(shard.number)
        files.add_piece(rows, tables)
        files.seal()
    return store
