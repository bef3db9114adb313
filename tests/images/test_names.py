"""Images by their names, and the way out for those of other kinds."""

from __future__ import annotations

import pytest
from PIL import Image

from samara.images.names import IMAGE_SUFFIXES, UNREAD, is_image_suffix, way_out


@pytest.mark.parametrize("name", ["a.JPG", "a.jfif", "b/a.jpe", "a.tiff", "a.HEIC", "a.avif", "a.b.jp2"])
def test_images(name):
    assert is_image_suffix(name)
    assert way_out(name) is None


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.NEF", "rawpy"),
        ("a.dng", "rawpy"),
        ("a.pdf", "PNG"),
        ("a.svg", "PNG"),
        ("a.dcm", "pydicom"),
        ("a.nii", "nibabel"),
        ("a.nii.gz", "nibabel"),
        ("a.mp4", "frames"),
        ("a.exr", "OpenCV"),
    ],
)
def test_others_have_a_way_out(name, told):
    assert not is_image_suffix(name)
    assert told in way_out(name)


def test_no_name_is_both():
    assert not IMAGE_SUFFIXES & UNREAD.keys()
    assert way_out("notes.txt") is None


def test_what_pillow_knows_of_the_formats_that_are_read_is_listed():
    Image.init()
    formats = {"JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP", "GIF", "JPEG2000", "QOI"}
    assert {suffix for suffix, kind in Image.EXTENSION.items() if kind in formats} <= IMAGE_SUFFIXES
