"""Frames: geometry there and back, extreme shapes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from samara.images.preprocessing import Frame, normalise, pad, resize, stretch, to_network_input

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


@pytest.mark.parametrize(
    ("size_hw", "resized"),
    [
        ((1, 1), (1024, 1024)),
        ((1, 3000), (1, 1024)),  # the reference rounds the height to 0
        ((3000, 1), (1024, 1)),
        ((1200, 1800), (683, 1024)),
        ((1024, 1024), (1024, 1024)),
        ((50_000, 3), (1024, 1)),
    ],
)
def test_longest_side_fills_the_input(size_hw, resized):
    assert Frame(size_hw, 1024).resized_size_hw == resized


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 64).map(lambda n: 16 * n))
def test_resized_image_fits_and_touches(height, width, side):
    h, w = Frame((height, width), side).resized_size_hw
    assert min(h, w) >= 1
    assert max(h, w) == side


def test_points_and_boxes_scale_by_the_real_factors():
    frame = Frame((1200, 1800), 1024)
    np.testing.assert_allclose(frame.to_input([[1800, 1200]]), [[1024, 683]])
    np.testing.assert_allclose(frame.to_input([[0, 0, 900, 600]]), [[0, 0, 512, 341.5]])
    assert frame.to_input(np.zeros((0, 2))).shape == (0, 2)
    assert frame.to_input([[1, 2]]).dtype == np.float32


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 64).map(lambda n: 16 * n))
def test_a_squashed_image_fills_the_square_and_its_points_come_back(height, width, side):
    frame = Frame((height, width), side, "squash")
    assert frame.resized_size_hw == (side, side)
    np.testing.assert_allclose(frame.to_input([[0, 0], [width, height]]), [[0, 0], [side, side]], rtol=1e-6)
    point = np.array([[0.3 * width, 0.8 * height]])
    np.testing.assert_allclose(frame.to_input(point) / side * [width, height], point, rtol=1e-5)
    np.testing.assert_allclose(frame.to_input([[0, 0, width, height]]), [[0, 0, side, side]], rtol=1e-6)


def test_a_squashed_image_is_resized_whole_and_not_padded():
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    tensor = to_network_input(image, Frame((30, 40), 64, "squash"), (0.0,) * 3, (1.0,) * 3)
    expected = np.asarray(Image.fromarray(image).resize((64, 64), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(tensor[0].permute(1, 2, 0), expected.astype(np.float32))


@pytest.mark.parametrize(("resizing", "antialias"), [("float", True), ("float without antialiasing", False)])
@pytest.mark.parametrize("size_hw", [(30, 40), (150, 200), (64, 64)])
def test_floating_point_pixels_are_filtered_when_they_shrink_or_not(size_hw, resizing, antialias):
    image = np.random.default_rng(0).integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    found = to_network_input(image, Frame(size_hw, 64, "squash"), (0.0,) * 3, (1.0,) * 3, resizing=resizing)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    expected = torch.nn.functional.interpolate(pixels, size=(64, 64), mode="bilinear", antialias=antialias)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("size_hw", [(300, 100), (100, 300), (97, 128), (64, 64)])
def test_squashed_masks_come_back_where_they_were(size_hw):
    H, W = size_hw  # noqa: N806
    frame = Frame(size_hw, 256, "squash")
    box = np.array([[0.25 * W, 0.5 * H, 0.75 * W, H]])
    x0, y0, x1, y1 = np.round(frame.to_input(box)[0] / 4).astype(int)  # on the low-res grid
    low_res = torch.full((1, 64, 64), -1.0)
    low_res[:, y0:y1, x0:x1] = 1.0
    mask = frame.to_original(low_res)[0].numpy() > 0
    wanted = np.zeros(size_hw, bool)
    wanted[round(0.5 * H) :, round(0.25 * W) : round(0.75 * W)] = True
    assert mask.shape == size_hw
    assert (mask & wanted).sum() / (mask | wanted).sum() > 0.97
    assert frame.to_original(low_res[:0]).shape == (0, H, W)


def test_squashed_logits_are_resized_in_one_step_as_sam_2_does():
    low_res = torch.randn(2, 64, 64)
    expected = torch.nn.functional.interpolate(low_res[None], (50, 90), mode="bilinear", align_corners=False)[0]
    assert Frame((50, 90), 256, "squash").to_original(low_res).equal(expected)


def test_bicubic_logits_are_resized_in_one_step_as_efficient_sam_does():
    low_res = torch.randn(2, 64, 64)
    expected = torch.nn.functional.interpolate(low_res[None], (50, 90), mode="bicubic", align_corners=False)[0]
    assert Frame((50, 90), 256, "squash", "bicubic").to_original(low_res).equal(expected)


def test_resize_is_pillows_and_leaves_a_fitting_image_alone():
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    frame = Frame((30, 40), 64)
    expected = np.asarray(Image.fromarray(image).resize((64, 48), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(resize(image, frame), expected)
    assert resize(image, Frame((30, 40), 40)) is image


def test_padding_is_zero_after_normalising():
    image = np.full((32, 64, 3), 255, dtype=np.uint8)
    tensor = to_network_input(image, Frame((32, 64), 64), MEAN, STD)
    assert tensor.shape == (1, 3, 64, 64)
    assert (tensor[..., 32:, :] == 0).all()
    torch.testing.assert_close(tensor[0, :, 0, 0], (255 - torch.tensor(MEAN)) / torch.tensor(STD))


def test_read_only_images_are_taken_and_left_alone():
    image = np.zeros((16, 16, 3), dtype=np.uint8)
    image.flags.writeable = False
    to_network_input(image, Frame((16, 16), 16), MEAN, STD)
    assert (image == 0).all()


def test_bytes_are_normalised_like_floats():
    pixels = torch.randint(0, 256, (3, 4, 6), dtype=torch.uint8)
    torch.testing.assert_close(normalise(pixels, MEAN, STD), normalise(pixels.float(), MEAN, STD))


def test_normalise_and_pad_work_on_batches():
    images = torch.rand(2, 3, 4, 6) * 255
    assert pad(normalise(images, MEAN, STD), 8).shape == (2, 3, 8, 8)


@pytest.mark.parametrize("size_hw", [(1, 3000), (7, 5), (600, 800)])
def test_logits_come_back_at_the_original_size(size_hw):
    logits = Frame(size_hw, 256).to_original(torch.randn(2, 64, 64))
    assert logits.shape == (2, *size_hw)
    assert logits.isfinite().all()


def test_logits_land_where_they_belong():
    # The left half of a wide image: in the low-res frame the top-left quarter of the square.
    low_res = torch.full((1, 64, 64), -1.0)
    low_res[:, :, :32] = 1.0
    mask = Frame((100, 200), 256).to_original(low_res)[0] > 0
    assert mask[:, :99].all()
    assert not mask[:, 101:].any()


def of_grid(height, width):
    return np.random.default_rng(3).integers(20, 230, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("how", "interpolation"), [("area", cv2.INTER_AREA), ("nearest", cv2.INTER_NEAREST)])
@pytest.mark.parametrize("size_hw", [(90, 70), (20, 33)])
def test_the_filters_of_opencv(how, interpolation, size_hw):
    image = of_grid(*size_hw)
    for fit in ("pad", "squash"):
        frame = Frame(size_hw, 64, fit)
        h, w = frame.resized_size_hw
        assert (resize(image, frame, how) == cv2.resize(image, (w, h), interpolation=interpolation)).all()


def test_each_image_is_stretched_to_its_own_range_before_it_is_padded():
    image, frame = of_grid(40, 30), Frame((40, 30), 64)
    pixels = resize(image, frame, "area").astype(np.float64)
    expected = (pixels - pixels.min()) / (pixels.max() - pixels.min())
    tensor = to_network_input(image, frame, (0.0,) * 3, (1.0,) * 3, resizing="area", scale="image")
    np.testing.assert_allclose(tensor[0, :, :64, :48].permute(1, 2, 0), expected, atol=1e-6)
    assert not tensor[..., 48:].any()
    assert image.min() > 0  # or stretching would not show


def test_an_image_of_one_colour_is_stretched_to_nothing():
    assert not stretch(torch.full((2, 3, 4, 4), 7, dtype=torch.uint8)).any()


def test_images_of_a_batch_are_stretched_one_by_one():
    images = torch.stack([torch.arange(12.0).view(3, 2, 2), 5 * torch.arange(12.0).view(3, 2, 2) + 3])
    one, other = stretch(images)
    torch.testing.assert_close(one, other)
    assert (one.min(), one.max()) == (0, 1)


@pytest.mark.parametrize(("stride", "side", "size_hw"), [(4, 16, (12, 16)), (1, 64, (48, 64))])
def test_the_low_res_grid_is_as_fine_as_the_frame_says(stride, side, size_hw):
    frame = Frame((30, 40), 64, low_res_stride=stride)  # 48 × 64 pixels
    assert (frame.low_res_side, frame.low_res_size_hw) == (side, size_hw)
