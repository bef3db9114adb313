"""Images of the report: masks, labels and windows are where they belong."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from samara.annotation.exporting import source_of
from samara.annotation.report.drawn import read_images, thumbnail, window_around, with_classes
from samara.annotation.report.looks import Looks
from samara.annotation.store.rows import AnnotatedRow, ImageRow
from samara.images.read import read_image
from tests.annotation.conftest import random_masks
from tests.annotation.review.stores import LIMITS, store_of


def test_a_thumbnail_shows_the_masks(tmp_path):
    pixels = np.full((300, 800, 3), 90, dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "grey.png")
    masks = random_masks(0, 0, (300, 800))
    plain = decoded(thumbnail(read_image(tmp_path / "grey.png"), masks, []))
    assert plain.shape == (180, 480, 3)
    assert np.abs(plain.astype(int) - 90).max() <= 2
    one = random_masks(0, 1, (300, 800))
    drawn = decoded(thumbnail(pixels, one, [0]))
    assert np.abs(drawn.astype(int) - 90).max() > 30


def decoded(uri):
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGB"))


def test_masks_have_the_classes_of_the_store():
    row = AnnotatedRow(
        ImageRow(image_id=1, path="a.png"), random_masks(0, 3), ("rod", None, "cap"), (0, 4, 5), (None,) * 3
    )
    masks = with_classes(row)
    assert [masks.class_name(index) for index in range(3)] == ["rod", "", "cap"]
    assert with_classes(replace(row, categories=(None,) * 3)).class_names is None


@pytest.mark.parametrize(
    ("boxes", "window"),
    [
        ([[100, 100, 200, 150]], (60, 35, 240, 215)),
        ([[0, 0, 10, 10]], (0, 0, 48, 48)),
        ([[300, 200, 320, 240], [310, 220, 318, 230]], (248, 168, 320, 240)),
        ([[0, 0, 320, 240]], (0, 0, 320, 240)),
    ],
)
def test_windows_show_the_surroundings_and_stay_inside(boxes, window):
    assert window_around(np.array(boxes, float), (240, 320)) == window


def test_masks_are_drawn_in_their_window(tmp_path):
    store = store_of(tmp_path, ("good", "leaking"))
    looks = Looks(LIMITS)
    for row, table in store.tables():
        looks.add(row, table)
    image = next(read_images(store, source_of(store), {1}))
    assert image.pixels is None  # the rows are of another file
    assert image.around(looks.masks()[0]) is None
    assert image.whole() is None
    assert image.small() is None
