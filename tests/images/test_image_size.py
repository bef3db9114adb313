"""The size from the header is the one of the image as read."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import Base

from samara.errors import ImageError
from samara.images.read import image_size, read_image
from tests.images.encoding import PHOTO, encode, png, png_chunk
from tests.images.test_orientation import FORMATS, broken_entry, exif
from tests.images.test_png import with_late

XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
ITXT = b"XML:com.adobe.xmp\0\0\0\0\0" + XMP
TURNED = {
    "PNG, EXIF before the pixels": encode(PHOTO, exif=exif(6)),
    "PNG, EXIF behind the pixels": with_late(png_chunk(b"eXIf", exif(6))),
    "PNG, XMP behind the pixels": with_late(png_chunk(b"iTXt", ITXT)),
    "JPEG, a broken entry": encode(PHOTO, "JPEG", exif=broken_entry(6)),
    "JPEG, XMP": encode(PHOTO, "JPEG", xmp=XMP),
    "TIFF, XMP": encode(PHOTO, "TIFF", tiffinfo={700: XMP}),
    "WebP, XMP": encode(PHOTO, "WEBP", xmp=XMP),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", [*FORMATS, "AVIF", "BMP", "JPEG2000", "GIF"])
def test_sizes_are_those_of_the_image_read(name, orientation):
    tags = Image.Exif()
    tags[Base.Orientation] = orientation
    data = encode(PHOTO, name.split(",")[0], exif=tags, **FORMATS.get(name, {}))
    assert image_size(data) == read_image(data).shape[:2]


@pytest.mark.parametrize("name", TURNED)
def test_awkward_orientations(name):
    assert image_size(TURNED[name]) == read_image(TURNED[name]).shape[:2]
    assert image_size(TURNED[name]) == (7, 9)


def test_grey_deep_and_palette_images():
    for image in (PHOTO[..., 0], PHOTO[..., 0].astype(np.uint16) * 257, Image.fromarray(PHOTO).quantize()):
        assert image_size(encode(image)) == (9, 7)


def test_no_pixel_is_decoded(tmp_path):
    path = tmp_path / "gigantic.png"
    path.write_bytes(png(60_000, 50_000))
    assert image_size(path) == image_size(str(path)) == (50_000, 60_000)
    assert image_size(encode(np.zeros((300, 200, 3), np.uint8), "JPEG")[:700]) == (300, 200)


def test_what_is_no_image_is_told(tmp_path):
    (tmp_path / "page.jpg").write_bytes(b"<html>")
    with pytest.raises(ImageError, match=r"page\.jpg.*HTML"):
        image_size(tmp_path / "page.jpg")
    with pytest.raises(ImageError, match="does not exist"):
        image_size(tmp_path / "absent.jpg")
    stream = io.BytesIO()
    frames = [Image.new("L", (3, 2), value) for value in (0, 255)]
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match="2 frames"):
        image_size(stream.getvalue())
