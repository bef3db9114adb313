"""Which images are timed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from samara.errors import ImageError
from samara.measurement.benchmarking.images import choose_images, digests, draw_image, read_images


@pytest.fixture
def folder(tmp_path):
    for index in range(7):
        Image.fromarray(np.full((4, 5, 3), index, np.uint8)).save(tmp_path / f"{index}.png")
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


@pytest.mark.parametrize(("most", "chosen"), [(1, "0"), (3, "036"), (7, "0123456"), (99, "0123456")])
def test_images_are_chosen_evenly(folder, most, chosen):
    assert "".join(path.stem for path in choose_images(folder, most)) == chosen


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(ImageError, match="has no images"):
        choose_images(tmp_path, 3)


def test_images_are_known_by_their_content(folder):
    before = digests(choose_images(folder, 2))
    (folder / "0.png").rename(folder / "00.png")
    assert digests(choose_images(folder, 2)) == before
    Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save(folder / "6.png")
    assert digests(choose_images(folder, 2)) != before


def test_without_images_there_is_a_drawn_one(folder):
    assert digests([]) == ["drawn"]
    (drawn,) = read_images([])
    assert drawn.shape == (1000, 1500, 3)
    assert (drawn == draw_image()).all()
    assert len(np.unique(drawn[::10, ::10].reshape(-1, 3), axis=0)) > 300
    assert [image.shape for image in read_images(choose_images(folder, 2))] == [(4, 5, 3)] * 2
