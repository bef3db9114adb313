"""Images: windows, and a hash that survives what people do to images."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from samara.annotation.inputs.decoded import DecodedImage, difference_hash


def test_a_window_is_a_slice():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    image = DecodedImage(pixels, 5)
    assert image.size_hw == (8, 9)
    assert (image.window((2, 1, 5, 8)) == pixels[1:8, 2:5]).all()


def test_nearly_equal_images_share_their_hash(dog, truck):
    pixels = np.asarray(Image.open(dog).convert("RGB"))
    smaller = cv2.resize(pixels, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 30])
    variants = [
        smaller,
        cv2.imdecode(jpeg, cv2.IMREAD_COLOR),
        np.clip(pixels.astype(int) + 12, 0, 255).astype(np.uint8),
    ]
    reference = difference_hash(pixels)
    assert all((difference_hash(variant) ^ reference).bit_count() <= 4 for variant in variants)
    other = difference_hash(np.asarray(Image.open(truck).convert("RGB")))
    assert (other ^ reference).bit_count() > 12
