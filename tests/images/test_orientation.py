"""EXIF orientation against Pillow's own, and damaged EXIF."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.ExifTags import Base

from samara.images.orientation import orientation_in_exif, turn_upright
from samara.images.read import read_image
from tests.images.encoding import PHOTO, encode

FORMATS = {
    "JPEG": {"quality": 100, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
    "TIFF, compressed": {"compression": "tiff_lzw"},
}

# How the camera's pixels follow from the upright ones, written down a second time, in NumPy.
AS_STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright, 2).swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}


def exif(orientation: int, order: str = "<", kind: int = 3, tag: int = 0x0112) -> bytes:
    mark = b"II*\x00" if order == "<" else b"MM\x00*"
    value = struct.pack(f"{order}HH", orientation, 0) if kind == 3 else struct.pack(f"{order}I", orientation)
    return mark + struct.pack(f"{order}IHHHI", 8, 1, tag, kind, 1) + value + bytes(4)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_undoes_each_orientation(orientation):
    stored = np.ascontiguousarray(AS_STORED[orientation](PHOTO))
    for pixels in (stored, stored.astype(np.uint16) << 8):
        upright = turn_upright(pixels, orientation)
        np.testing.assert_array_equal(upright, PHOTO.astype(pixels.dtype) << (0 if pixels.dtype == np.uint8 else 8))
        assert upright.flags.c_contiguous


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", FORMATS)
def test_files_and_pil_images_are_turned_as_pillow_does(name, orientation):
    tags = Image.Exif()
    tags[Base.Orientation] = orientation
    data = encode(PHOTO, name.split(",")[0], exif=tags, **FORMATS[name])
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(read_image(data), expected)
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(read_image(image), expected)


def test_an_orientation_set_on_a_pil_image_counts():
    image = Image.fromarray(PHOTO)
    image.getexif()[Base.Orientation] = 6
    np.testing.assert_array_equal(read_image(image), np.rot90(PHOTO, -1))


def test_an_orientation_in_xmp_counts_as_in_pillow():
    image = Image.fromarray(PHOTO)
    image.info["xmp"] = b'<x:xmpmeta><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'
    np.testing.assert_array_equal(read_image(image), PHOTO[::-1, ::-1])


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (exif(6), 6),
        (exif(6, ">"), 6),
        (b"Exif\x00\x00" + exif(8), 8),
        (exif(0), None),
        (exif(9), None),
        (exif(6, tag=0x0110), None),
        (exif(6)[:15], None),
        (exif(6)[:6], None),
        (b"II*\x00\xff\xff\xff\xff", None),
        (b"", None),
        (b"nonsense", None),
    ],
)
def test_exif_blocks(block, expected):
    assert orientation_in_exif(block) == expected


def test_orientations_in_32_bits_are_left_to_pillow():
    data = encode(PHOTO, "JPEG", quality=100, subsampling=0, exif=b"Exif\x00\x00" + exif(6, kind=4))
    plain = encode(PHOTO, "JPEG", quality=100, subsampling=0)
    np.testing.assert_array_equal(read_image(data), np.rot90(read_image(plain), -1))


def broken_entry(orientation: int | None) -> bytes:
    """A directory whose second entry lies outside the block, with or without an orientation before it."""
    first = struct.pack("<HHIHH", 0x0112 if orientation else 0x0110, 3, 1, orientation or 0, 0)
    broken = struct.pack("<HHII", 0x011A, 5, 1, 60_000)
    return b"Exif\x00\x00II*\x00" + struct.pack("<IH", 8, 2) + first + broken + bytes(4)


@pytest.mark.parametrize(
    "block", [b"Exif\x00\x00", b"Exif\x00\x00II*\x00\x08", b"Exif\x00\x00" + bytes(40), broken_entry(None)]
)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_does_no_harm(format, block):
    plain = read_image(encode(PHOTO, format))
    np.testing.assert_array_equal(read_image(encode(PHOTO, format, exif=block)), plain)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("strict", [False, True])
def test_a_broken_entry_does_not_hide_the_orientation(strict, recwarn):
    import warnings

    plain = read_image(encode(PHOTO, "JPEG"))
    with warnings.catch_warnings():
        warnings.simplefilter("error" if strict else "ignore")
        turned = read_image(encode(PHOTO, "JPEG", exif=broken_entry(6)))
    np.testing.assert_array_equal(turned, np.rot90(plain, -1))


def test_nonsense_in_pillow_s_hands_counts_as_upright():
    image = Image.fromarray(PHOTO)
    image.info["exif"] = "text"
    np.testing.assert_array_equal(read_image(image), PHOTO)
