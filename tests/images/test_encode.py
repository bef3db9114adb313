"""Pixels as PNG and as addresses in pages."""

from __future__ import annotations

import base64

import numpy as np

from samara.images.encode import data_uri, jpeg_data_uri, png_bytes
from samara.images.read import read_image

IMAGE = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def test_png_loses_nothing_and_keeps_the_order_of_colours():
    assert np.array_equal(read_image(png_bytes(IMAGE)), IMAGE)


def test_jpeg_stands_in_the_page():
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    head, _, data = jpeg_data_uri(red, 90).partition(",")
    assert head == "data:image/jpeg;base64"
    assert np.abs(read_image(base64.b64decode(data)).astype(int) - red).max() < 8


def test_an_address_holds_its_bytes():
    assert data_uri("png", b"abc") == "data:image/png;base64,YWJj"
