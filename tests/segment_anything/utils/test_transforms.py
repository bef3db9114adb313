"""The transform resizes whatever the original resizes; its coordinates are tested in test_drop_in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from samara.errors import ImageError
from samara.segment_anything.utils.transforms import ResizeLongestSide


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((20, 10, 3), np.uint8),
        np.zeros((20, 10, 4), np.uint8),
        np.zeros((20, 10), np.uint8),
        np.zeros((20, 10), np.float32),
        np.zeros((20, 10), np.int32),
        np.zeros((40, 20, 3), np.uint8)[::2, ::2],
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_layouts_are_kept(array):
    resized = ResizeLongestSide(40).apply_image(array)
    assert resized.shape == (40, 20, *array.shape[2:])
    assert resized.dtype == array.dtype


def test_the_result_is_its_own():
    image = np.zeros((40, 20, 3), np.uint8)
    ResizeLongestSide(40).apply_image(image)[:] = 9
    assert not image.any()


def test_other_images_are_read_or_refused():
    image = np.full((20, 10, 3), 7, np.uint8)
    assert ResizeLongestSide(40).apply_image(Image.fromarray(image)).shape == (40, 20, 3)
    with pytest.raises(ImageError):
        ResizeLongestSide(40).apply_image(image.astype(np.float64) * 9)


def test_coordinates_of_any_nesting():
    transform = ResizeLongestSide(40)
    assert transform.apply_coords([[1, 2]], (20, 10)).tolist() == [[2, 4]]
    assert transform.apply_coords(np.ones((2, 3, 2)), (20, 10)).shape == (2, 3, 2)
    assert transform.apply_boxes(np.array([1, 2, 3, 4]), torch.Size([20, 10])).tolist() == [[2, 4, 6, 8]]
