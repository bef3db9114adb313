"""Examples: image and masks are transformed alike; the low-res grid is the decoder's."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch

from samara.errors import DatasetError
from samara.finetuning.examples import Example, examples_of, on_grid, transformed
from samara.finetuning.settings import Augmentation
from samara.images.preprocessing import Frame
from samara.masks.rle import encode_mask
from tests.finetuning.conftest import draw

AUGMENTATIONS = (None, *get_args(Augmentation))


@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
def test_masks_move_with_the_image(tmp_path, augmentation):
    image = draw(3, tmp_path)
    example = Example(image, augmentation)
    pixels = example.pixels()
    assert pixels.shape[:2] == example.size_hw
    for instance in image.instances:
        mask = transformed(instance.rle.decode(), augmentation)
        assert mask.shape == example.size_hw
        if mask.any():
            assert pixels[mask].min() > 150


@pytest.mark.parametrize("fit", ["pad", "squash"])
@pytest.mark.parametrize("size", [(96, 128), (128, 128), (37, 200), (300, 20)])
def test_a_mask_on_the_grid_is_what_the_decoder_should_draw(size, fit):
    """Resized back the way predictions are, it is the mask again."""
    mask = np.zeros(size, dtype=bool)
    mask[size[0] // 4 : -size[0] // 4, size[1] // 4 : -size[1] // 4] = True
    frame = Frame(size, 256, fit)
    grid = on_grid(mask, frame)
    assert grid.shape == (64, 64)
    logits = torch.from_numpy(np.where(grid, 1.0, -1.0).astype(np.float32))[None]
    again = frame.to_original(logits)[0].numpy() > 0
    assert (again & mask).sum() / (again | mask).sum() > 0.85


def test_tiny_objects_and_crowds_are_left_out(tmp_path):
    image = draw(0, tmp_path)
    speck = np.zeros(image.size_hw, dtype=bool)
    speck[0, 0] = True
    instances = (*image.instances, type(image.instances[0])(encode_mask(speck), None))
    with_speck = type(image)(image.path, image.size_hw, instances, image.name, None)
    frame = Frame(image.size_hw, 128)
    assert len(Example(with_speck, None).targets(frame)) == 2
    crowd = type(image.instances[0])(image.instances[0].rle, None, is_crowd=True)
    only_crowd = type(image)(image.path, image.size_hw, (crowd,), image.name, None)
    assert Example(only_crowd, None).targets(frame).shape == (0, 32, 32)


def test_an_image_of_another_size_is_refused(tmp_path):
    image = draw(0, tmp_path)
    turned = type(image)(image.path, image.size_hw[::-1], image.instances, image.name, None)
    with pytest.raises(DatasetError):
        Example(turned, None).pixels()


def test_every_augmentation_adds_one_copy(images):
    examples = examples_of(images, ("flip", "rotate90"))
    assert len(examples) == 12
    assert len(set(examples)) == 12
