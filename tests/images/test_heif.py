"""HEIC photos: with pillow-heif where it is there, and by its name where it is not."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from samara.errors import ImageError
from samara.images.heif import is_heif
from samara.images.read import image_size, read_image
from tests.images.encoding import PHOTO, encode

HEAD = b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf"


@pytest.mark.parametrize(
    ("head", "is_one"),
    [
        (HEAD, True),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1hevc", True),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", False),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomheic", True),
        (b"\0\0\0\x14ftypmif1\0\0\0\0mif1heic", False),  # behind the list of brands
        (b"\xff\xd8\xff\xe0", False),
        (b"", False),
    ],
)
def test_brands(head, is_one):
    assert is_heif(head) == is_one


@pytest.mark.skipif("AVIF" not in Image.registered_extensions().values(), reason="this Pillow has no AVIF")
def test_avif_is_pillow_s_own():
    assert not is_heif(encode(PHOTO, "AVIF"))


class Plugin(PngImagePlugin.PngImageFile):
    """Stands for pillow-heif's: reads a PNG behind HEIC's first bytes."""

    def __init__(self, stream, name):
        super().__init__(io.BytesIO(stream.read()[len(HEAD) :]))


def test_the_plugin_is_used_when_it_is_there(monkeypatch):
    data = HEAD + encode(PHOTO)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageError, match=r"HEIC photo, which needs pillow-heif: pip install 'samara\[heif\]'"):
        read_image(data)
    spec = SimpleNamespace(HeifImageFile=Plugin, __spec__=object())
    monkeypatch.setitem(sys.modules, "pillow_heif", spec)
    np.testing.assert_array_equal(read_image(data), PHOTO)
    assert image_size(data) == PHOTO.shape[:2]


def test_real_photos():
    pillow_heif = pytest.importorskip("pillow_heif")
    before = dict(Image.OPEN)
    smooth = Image.fromarray(PHOTO).resize((64, 48), Image.Resampling.BICUBIC)
    for turn, size in ((1, (48, 64)), (6, (64, 48))):
        exif = Image.Exif()
        exif[274] = turn
        stream = io.BytesIO()
        pillow_heif.from_pillow(smooth).save(stream, quality=-1, exif=exif.tobytes())
        assert image_size(stream.getvalue()) == size
        pixels = read_image(stream.getvalue())
        expected = np.rot90(np.asarray(smooth), -1) if turn == 6 else np.asarray(smooth)
        assert np.abs(pixels.astype(int) - expected).mean() < 8
    assert before == Image.OPEN
    pillow_heif_file = pillow_heif.from_pillow(smooth)
    pillow_heif_file.add_from_pillow(smooth.rotate(180))
    stream = io.BytesIO()
    pillow_heif_file.save(stream, quality=-1, primary_index=1)
    assert np.abs(read_image(stream.getvalue()).astype(int) - np.asarray(smooth.rotate(180))).mean() < 8
    with pytest.raises(ImageError, match="cannot be decoded"):
        read_image(stream.getvalue()[:-400])
