"""Annotated images that formats stumble over, for the tests of all of them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from samara.datasets.annotated import AnnotatedImage
from samara.datasets.writing.coco import CocoWriter
from samara.datasets.writing.options import WriterOptions
from tests.masks.test_mask_set import mask_set, rectangle

SIZE = HEIGHT, WIDTH = 20, 30


def pixel(x, y):
    return rectangle(x, y, x + 1, y + 1)


HOLE = rectangle(3, 3, 15, 15) & ~rectangle(5, 5, 8, 9) & ~rectangle(10, 6, 13, 14)
# A hole in an island in a hole; and background that reaches the outside over a corner only.
NESTED = rectangle(1, 1, 19, 19) & ~rectangle(3, 3, 17, 17) | rectangle(6, 6, 14, 14) & ~rectangle(8, 8, 9, 9)
CORNERS = rectangle(2, 2, 12, 12) & ~rectangle(2, 2, 4, 4) & ~rectangle(4, 4, 8, 8)
PARTS = rectangle(0, 0, 6, 9) | rectangle(9, 4, 15, 20) | rectangle(22, 15, 30, 20)
BORDER = rectangle(0, 0, 30, 20)
DIAGONAL = np.eye(*SIZE, dtype=bool)
EMPTY = np.zeros(SIZE, bool)

MASKS = {
    "hole": HOLE,
    "nested": NESTED,
    "corners": CORNERS,
    "parts": PARTS,
    "everything": BORDER,
    "diagonal": DIAGONAL,
    "first pixel": pixel(0, 0),
    "last pixel": pixel(29, 19),
    "one pixel": pixel(7, 7),
    "one row": rectangle(0, 4, 30, 5),
    "one column": rectangle(29, 0, 30, 20),
    "overlapping": rectangle(10, 5, 25, 18),
}
NAMES = ("a.png", "sub/a.png", "sub/deeper/a.png", "straße & <Brücke> 'π' \"☃\".png", "with space.tar.png")


def annotated(masks, file_name="a.png", image_id=1, **more):
    masks = np.asarray(masks, dtype=bool).reshape(-1, *SIZE)
    return AnnotatedImage(file_name, mask_set(masks), image_id, **more)


def awkward_images(folder=None):
    """One image with every mask, one with none, and some in between; with image files where a folder is given."""
    every = list(MASKS.values())
    contents = [every, [], every[:2], every[3:5], every[5:]]
    images = []
    for number, (name, masks) in enumerate(zip(NAMES, contents, strict=True), start=1):
        path = None
        if folder is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (WIDTH, HEIGHT), (number, 0, 0)).save(path)
        images.append(annotated(masks, name, number, path=path))
    return images


def write_coco(path, images, info):
    """A document with these images, in the place of one that is there."""
    with CocoWriter(path, WriterOptions(overwrite=True, info=info)) as writer:
        for image in images:
            writer.add(image)
