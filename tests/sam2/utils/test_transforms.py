"""Images and prompts into the square of the network, and its masks back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from samara.errors import ImageError, PromptError
from samara.sam2.utils.transforms import SAM2Transforms, pixels_of
from tests.engines.conftest import small


@pytest.fixture
def transforms():
    return SAM2Transforms(resolution=64, mask_threshold=0.0)


def test_an_image_is_squashed_and_normalised_as_samara_does(transforms, image):
    torch.testing.assert_close(transforms(image)[None], small("sam2.1_hiera_t", 64).network_input(image))
    batch = transforms.forward_batch([image, image[:20]])
    assert batch.shape == (2, 3, 64, 64)
    torch.testing.assert_close(batch[0], transforms(image))


def test_the_usual_numbers(transforms):
    np.testing.assert_allclose(transforms.mean, [0.485, 0.456, 0.406], atol=1e-9)
    np.testing.assert_allclose(transforms.std, [0.229, 0.224, 0.225], atol=1e-3)
    white = transforms(np.full((8, 8, 3), 255, np.uint8))
    np.testing.assert_allclose(white[:, 0, 0], (1 - np.array(transforms.mean)) / transforms.std, rtol=1e-5)


def test_a_pil_image_is_taken_as_it_lies(image, tmp_path):
    """Prompts are given in its `size`, which no orientation changes."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(image).save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as turned:
        assert np.array_equal(pixels_of(turned), image)
        grey = turned.convert("L")
    assert np.array_equal(pixels_of(grey), np.repeat(np.asarray(grey)[..., None], 3, axis=2))


def test_images_are_not_converted_by_guessing(transforms, image):
    with pytest.raises(ImageError):
        transforms(image.astype(np.float32) * 3)


def test_coordinates(transforms):
    points = torch.tensor([[[40.0, 25.0]]])
    assert transforms.transform_coords(points, normalize=True, orig_hw=(50, 80)).tolist() == [[[32.0, 32.0]]]
    assert points.tolist() == [[[40.0, 25.0]]]
    assert transforms.transform_coords(torch.tensor([[0.5, 0.25]])).tolist() == [[32.0, 16.0]]
    boxes = transforms.transform_boxes(torch.tensor([0.0, 0, 80, 50]), normalize=True, orig_hw=(50, 80))
    assert boxes.tolist() == [[[0.0, 0.0], [64.0, 64.0]]]
    with pytest.raises(PromptError, match="orig_hw"):
        transforms.transform_coords(points, normalize=True)


def test_masks_are_resized_in_one_step(transforms):
    logits = torch.randn(2, 3, 16, 16)
    resized = transforms.postprocess_masks(logits.half(), torch.Size([50, 80]))
    assert resized.dtype == torch.float32
    wanted = torch.nn.functional.interpolate(logits.half().float(), (50, 80), mode="bilinear", align_corners=False)
    torch.testing.assert_close(resized, wanted)
    assert transforms.postprocess_masks(logits[:0], (50, 80)).shape == (0, 3, 50, 80)


def drawing(*, at=0.0):
    """A ring with a hole of four pixels, a speck of two that touches nothing, and a speck of five."""
    logits = torch.full((1, 2, 16, 16), at - 1.0)
    logits[..., 2:8, 2:8] = at + 1
    logits[..., 4:6, 4:6] = at - 2
    logits[..., 12, 2:4] = at + 3
    logits[..., 12, 8:13] = at + 3
    logits[:, 1] = at - 1
    return logits


@pytest.mark.parametrize("threshold", [0.0, 2.0])
def test_small_regions(threshold):
    logits = drawing(at=threshold)
    cleaned = SAM2Transforms(64, threshold, max_hole_area=4, max_sprinkle_area=2).without_small_regions(logits)
    wanted = logits.clone()
    wanted[0, 0, 4:6, 4:6] = threshold + 10
    wanted[0, 0, 12, 2:4] = threshold - 10
    torch.testing.assert_close(cleaned, wanted)
    torch.testing.assert_close(SAM2Transforms(64, threshold, 3, 1).without_small_regions(logits), logits)
    torch.testing.assert_close(SAM2Transforms(64, threshold, 3.5, 1).without_small_regions(logits[0]), logits[0])


def test_a_mask_of_nothing_but_a_speck_becomes_empty():
    """Unlike in SAM's own cleaning, where the largest part stays."""
    logits = drawing()
    logits[..., :12, :] = -1
    assert not (SAM2Transforms(64, 0.0, max_sprinkle_area=5).without_small_regions(logits) > 0).any()
