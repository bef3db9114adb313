"""TIFF's traps: overviews, thumbnails, white as 0, signed bytes, 16-bit colours with orientation."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image

from samara.errors import ImageError
from samara.images.read import read_image
from tests.images.encoding import PHOTO, encode, tiff

DEEP = np.random.default_rng(1).integers(0, 65536, (5, 7, 3), dtype=np.uint16)
KIND, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION = 254, 256, 257, 258, 259, 262, 274
SAMPLES, ROWS, EXTRA, FORMAT, DNG_VERSION, CR2_SLICES = 277, 278, 338, 339, 50706, 50752


def make(pixels, **more):
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    tags = {
        WIDTH: (4, width),
        HEIGHT: (4, height),
        BITS: (3, (pixels.dtype.itemsize * 8,) * channels),
        COMPRESSION: (3, 1),
        PHOTOMETRIC: (3, 2 if channels > 1 else 1),
        SAMPLES: (3, channels),
        ROWS: (4, height),
    }
    return tiff({**tags, **more.get("tags", {})}, pixels.tobytes())


def pages(*kinds):
    """One TIFF whose pages have these NewSubfileTypes; page n is filled with n."""
    stream = io.BytesIO()
    images = [Image.new("L", (8 >> page, 8 >> page), page) for page in range(len(kinds))]
    for image, kind in zip(images, kinds, strict=True):
        image.encoderinfo = {"tiffinfo": {KIND: kind}}
    images[0].save(stream, "TIFF", save_all=True, append_images=images[1:], tiffinfo={KIND: kinds[0]})
    return stream.getvalue()


def test_what_this_file_writes_is_read():
    np.testing.assert_array_equal(read_image(make(PHOTO)), PHOTO)
    np.testing.assert_array_equal(read_image(make(DEEP)), read_image(DEEP))


@pytest.mark.parametrize("orientation", [1, 6])
def test_pil_images_that_are_decoded_already_keep_their_pixels(orientation):
    image = Image.open(io.BytesIO(make(PHOTO, tags={ORIENTATION: (3, orientation)})))
    image.load()
    image.putpixel((0, 0), (1, 2, 3))
    expected = np.array(image)
    np.testing.assert_array_equal(read_image(image), expected)
    np.testing.assert_array_equal(np.array(image), expected)


def test_overviews_and_masks_are_not_pages():
    assert read_image(pages(0, 1, 1)).shape == (8, 8, 3)
    assert read_image(pages(0, 4)).shape == (8, 8, 3)
    assert read_image(pages(0, 1), frame=1).tolist() == [[[1] * 3] * 4] * 4
    for kinds in ((0, 0), (0, 1, 0), (1, 0), (2, 2)):
        with pytest.raises(ImageError, match=f"has {len(kinds)} frames or pages"):
            read_image(pages(*kinds))


def test_camera_raw_files_are_refused():
    with pytest.raises(ImageError, match="camera raw file or a thumbnail"):
        read_image(make(PHOTO, tags={KIND: (4, 1)}))
    with pytest.raises(ImageError, match="camera raw file"):
        read_image(make(PHOTO, tags={DNG_VERSION: (4, 0x0401)}))
    with pytest.raises(ImageError, match="camera raw file"):  # Canon's, of which every page is a preview
        read_image(make(PHOTO, tags={CR2_SLICES: (3, (1, 2, 3))}), frame=0)
    np.testing.assert_array_equal(read_image(make(PHOTO, tags={KIND: (4, 1)}), frame=0), PHOTO)


def test_white_as_zero():
    np.testing.assert_array_equal(
        read_image(make(PHOTO[..., 0], tags={PHOTOMETRIC: (3, 0)}))[..., 0], 255 - PHOTO[..., 0]
    )
    with pytest.raises(ImageError, match="stores white as 0 in 16 bits; invert"):
        read_image(make(DEEP[..., 0], tags={PHOTOMETRIC: (3, 0)}))


def test_signed_values():
    with pytest.raises(ImageError, match=r"signed 8-bit values.*int8.*value_range"):
        read_image(make(PHOTO[..., 0], tags={FORMAT: (3, 2)}))
    signed = DEEP[..., 0].view(np.int16)
    data = make(signed, tags={FORMAT: (3, 2)})
    with pytest.raises(ImageError, match=r"integers from -.*beyond 0..255"):
        read_image(data)
    np.testing.assert_array_equal(
        read_image(data, value_range=(-32768, 32767)), read_image(signed, value_range=(-32768, 32767))
    )


def test_floats_follow_the_rules_of_arrays():
    grey = np.random.default_rng(0).random((5, 7), dtype=np.float32)
    np.testing.assert_array_equal(read_image(encode(grey, "TIFF")), read_image(grey))
    with pytest.raises(ImageError, match=r"beyond 0..1.*value_range"):
        read_image(encode(grey * 100, "TIFF"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sixteen_bit_colours_are_turned_as_eight_bit_ones(orientation):
    tags = {ORIENTATION: (3, orientation)}
    coarse = read_image(make((DEEP >> 8).astype(np.uint8), tags=tags))
    fine = read_image(make(DEEP, tags=tags))
    assert fine.shape == coarse.shape
    assert np.abs(fine.astype(int) - coarse).max() <= 1
    np.testing.assert_array_equal(np.sort(fine, axis=None), np.sort(read_image(DEEP), axis=None))


def test_sixteen_bit_pages():
    from cv2 import imencodemulti

    other = DEEP[::-1].copy()
    data = imencodemulti(".tiff", [DEEP[..., ::-1].copy(), other[..., ::-1].copy()])[1].tobytes()
    np.testing.assert_array_equal(read_image(data, frame=0), read_image(DEEP))
    np.testing.assert_array_equal(read_image(data, frame=1), read_image(other))


def test_premultiplied_sixteen_bit_colours_are_refused():
    premultiplied = np.dstack([DEEP >> 1, np.full(DEEP.shape[:2], 40_000, np.uint16)]).astype(np.uint16)
    with pytest.raises(ImageError, match=r"16 bits in a variety.*plain 16-bit RGB"):
        read_image(make(premultiplied, tags={EXTRA: (3, 1)}))


def test_an_unspecified_fourth_channel_is_no_alpha():
    four = np.dstack([DEEP, np.zeros(DEEP.shape[:2], np.uint16)]).astype(np.uint16)
    np.testing.assert_array_equal(read_image(make(four, tags={EXTRA: (3, 0)})), read_image(DEEP))


@pytest.mark.parametrize("rasterio_is_there", [True, False])
def test_varieties_that_pillow_does_not_know(monkeypatch, rasterio_is_there):
    colours = np.random.default_rng(0).random((5, 7, 3), dtype=np.float32)
    data = make(colours, tags={FORMAT: (3, (3, 3, 3))})
    if rasterio_is_there:
        np.testing.assert_array_equal(read_image(data), read_image(colours))
        return
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(ImageError, match=r"Pillow does not read .*bands: 3, bits: 32.*pip install 'samara\[geo\]'"):
        read_image(data)
