"""16-bit colours: all bits of every byte order and packing, or a refusal."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from samara.errors import ImageError
from samara.images.deep_colour import join
from samara.images.read import read_image
from tests.images.encoding import encode_with_cv2, png, tiff

DEEP = np.random.default_rng(3).integers(0, 65536, (6, 5, 4), dtype=np.uint16)


def test_joining_restores_every_value():
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(join((every >> 8).astype(np.uint8), (every & 255).astype(np.uint8)), every)


def rows(values, filter_byte):
    """PNG rows under filter 0 (as they are) or 1 (differences to the pixel before)."""
    raw = values.astype(">u2").view(np.uint8).reshape(len(values), -1)
    pixel_bytes = raw.shape[1] // values.shape[1]
    if filter_byte == 1:
        raw = raw - np.pad(raw, ((0, 0), (pixel_bytes, 0)))[:, :-pixel_bytes]
    return b"".join(bytes([filter_byte]) + row.tobytes() for row in raw)


@pytest.mark.parametrize("filter_byte", [0, 1])
@pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (2, 3), (6, 4)])
def test_pngs(colour_type, channels, filter_byte):
    values = DEEP[..., :channels]
    data = png(5, 6, bits=16, colour_type=colour_type, rows=rows(values, filter_byte))
    np.testing.assert_array_equal(read_image(data), read_image(values))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [3, 4])
def test_uncompressed_tiffs_of_both_byte_orders(order, channels):
    values = DEEP[..., :channels]
    tags = {
        256: (4, 5),
        257: (4, 6),
        258: (3, (16,) * channels),
        259: (3, 1),
        262: (3, 2),
        277: (3, channels),
    }
    if channels == 4:
        tags[338] = (3, 2)
    data = tiff(tags, values.astype(f"{order}u2").tobytes(), order=order)
    np.testing.assert_array_equal(read_image(data), read_image(values))


LZW, DEFLATE = 5, 8


@pytest.mark.parametrize("compression", [1, LZW, DEFLATE])
def test_compressed_tiffs(compression):
    data = encode_with_cv2(DEEP[..., :3], ".tiff", 259, compression)
    np.testing.assert_array_equal(read_image(data), read_image(DEEP[..., :3]))


@pytest.mark.parametrize("extension", [".png", ".tiff"])
def test_pil_images_have_lost_the_lower_bytes(extension):
    image = Image.open(io.BytesIO(encode_with_cv2(DEEP[..., :3], extension)))
    with pytest.raises(ImageError, match=r"mode RGB is the upper half of 16-bit colours.*pass the file"):
        read_image(image)
