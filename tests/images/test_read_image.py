"""The door itself: which sources are taken, what comes out, and that random input is refused politely."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from samara.errors import ImageError, SettingsError
from samara.images.read import DEFAULT_MAX_PIXELS, read_image
from tests.images.encoding import PHOTO, encode

GIVEN_AS = {
    "path": lambda path: path,
    "string": str,
    "bytes": lambda path: path.read_bytes(),
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "stream": lambda path: io.BytesIO(path.read_bytes()),
    "PIL image": Image.open,
    "array": lambda path: PHOTO,
    "tensor": lambda path: torch.from_numpy(PHOTO).permute(2, 0, 1),
}


@pytest.fixture
def photo_path(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(encode(PHOTO))
    return path


@pytest.mark.parametrize("kind", GIVEN_AS)
def test_every_source_gives_the_same_fresh_array(photo_path, kind):
    source = GIVEN_AS[kind](photo_path)
    rgb = read_image(source)
    np.testing.assert_array_equal(rgb, PHOTO)
    assert type(rgb) is np.ndarray
    assert rgb.dtype == np.uint8
    assert rgb.flags.c_contiguous
    assert rgb.flags.writeable  # torch.from_numpy warns of anything else
    assert not np.shares_memory(rgb, PHOTO)
    if isinstance(source, Image.Image):
        source.close()


def test_an_open_file_is_read_from_its_position(photo_path):
    with photo_path.open("rb") as file:
        np.testing.assert_array_equal(read_image(file), PHOTO)
        with pytest.raises(ImageError, match=r"nothing left.*seek\(0\)"):
            read_image(file)
    parcel = io.BytesIO(b"parcel" + photo_path.read_bytes())
    parcel.seek(6)
    np.testing.assert_array_equal(read_image(parcel), PHOTO)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 3000), (3000, 1)])
def test_extreme_shapes_pass(height, width):
    grey = np.arange(height * width, dtype=np.uint8).reshape(height, width)
    expected = np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_array_equal(read_image(grey), expected)
    np.testing.assert_array_equal(read_image(encode(grey)), expected)
    np.testing.assert_array_equal(read_image(torch.from_numpy(grey)), expected)


def test_bgr_is_turned_for_arrays_and_tensors_only(photo_path):
    bgr = np.ascontiguousarray(PHOTO[..., ::-1])
    np.testing.assert_array_equal(read_image(bgr, channel_order="BGR"), PHOTO)
    np.testing.assert_array_equal(read_image(torch.from_numpy(bgr).permute(2, 0, 1), channel_order="BGR"), PHOTO)
    for source in (photo_path, photo_path.read_bytes(), Image.fromarray(PHOTO)):
        with pytest.raises(ImageError, match="its own colour order"):
            read_image(source, channel_order="BGR")


def test_bgra_is_laid_over_an_rgb_background():
    blue_half_opaque = np.array([[[255, 0, 0, 128]]], np.uint8)
    rgb = read_image(blue_half_opaque, channel_order="BGR", background=(255, 0, 0))
    assert rgb.tolist() == [[[127, 0, 128]]]


def test_frames_belong_to_files():
    with pytest.raises(ImageError, match=r"has no frames; frame=0 .*index"):
        read_image(PHOTO, frame=0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"value_range": (1, 1)}, "value_range.*less than white"),
        ({"value_range": (0, float("nan"))}, "value_range.*black, white"),
        ({"value_range": (0, 1, 2)}, "value_range.*black, white"),
        ({"value_range": 255}, "value_range.*black, white"),
        ({"value_range": "full"}, "value_range.*auto"),
        ({"channel_order": "rgb"}, 'channel_order.*"RGB" or "BGR"'),
        ({"background": (0, 0)}, "background.*three integers"),
        ({"background": 255}, "background.*three integers"),
        ({"background": (0, 0, 256)}, "background.*three integers"),
        ({"background": (0.5, 0, 0)}, "background.*three integers"),
        ({"frame": -1}, "frame=-1"),
        ({"frame": "first"}, "frame='first'"),
        ({"max_pixels": 0}, "max_pixels=0"),
        ({"max_pixels": 1e6}, "max_pixels.*None"),
    ],
)
def test_options_are_checked(options, words):
    with pytest.raises(SettingsError, match=words):
        read_image(PHOTO, **options)


@pytest.mark.parametrize("source", [None, 3, [PHOTO, PHOTO], object()], ids=["None", "number", "list", "object"])
def test_other_objects_are_refused(source):
    with pytest.raises(ImageError, match=r"accepted are a path, bytes.*one at a time"):
        read_image(source)


def test_torch_is_not_imported():
    code = "import sys, samara.images; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_the_default_limit_lets_large_scans_pass():
    assert DEFAULT_MAX_PIXELS >= 20_000 * 20_000


def test_nothing_global_changes_in_threads():
    before = list(warnings.filters), Image.MAX_IMAGE_PIXELS
    data = encode(PHOTO, "JPEG", quality=100)
    expected, results = read_image(data), []
    threads = [threading.Thread(target=lambda: results.append(read_image(data))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert all(np.array_equal(result, expected) for result in results)
    assert (list(warnings.filters), Image.MAX_IMAGE_PIXELS) == before


SHAPES = st.tuples(st.integers(1, 20), st.integers(1, 20))


@given(
    SHAPES.flatmap(lambda size: hnp.arrays(np.uint8, (*size, 3))),
    st.sampled_from(["PNG", "BMP", "TIFF", "PPM"]),
)
def test_lossless_files_give_the_array_back(pixels, format):
    np.testing.assert_array_equal(read_image(encode(pixels, format)), pixels)


@given(SHAPES.flatmap(lambda size: hnp.arrays(np.uint8, size)))
def test_grey_becomes_three_equal_channels(grey):
    for source in (grey, encode(grey), torch.from_numpy(grey)):
        np.testing.assert_array_equal(read_image(source), np.stack([grey] * 3, axis=-1))


MAGIC = [
    b"",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"II*\x00",
    b"MM\x00*",
    b"II+\x00",
    b"GIF89a",
    b"BM",
    b"P3 2 2 ",
    b"P5 ",
    b"Pf ",
    b"qoif",
    b"RIFF\x00\x01\x00\x00WEBPVP8 ",
    b"\x00\x00\x00\x1cftypavif",
    b"\xff\x4f\xff\x51",
]


@given(st.builds(bytes.__add__, st.sampled_from(MAGIC), st.binary(max_size=300)))
@settings(max_examples=300)
def test_random_bytes_raise_nothing_but_image_errors(data):
    with contextlib.suppress(ImageError):
        assert read_image(data, max_pixels=10_000).ndim == 3


SIDEWAYS = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
SAMPLES = [
    encode(PHOTO, format, **options)
    for format, options in [
        ("PNG", {}),
        ("JPEG", {"exif": SIDEWAYS}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("GIF", {}),
        ("WEBP", {}),
        ("BMP", {}),
        ("JPEG2000", {}),
        ("PPM", {}),
        ("QOI", {}),
    ]
]


@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=5),
    st.data(),
)
@settings(max_examples=300)
def test_damaged_files_raise_nothing_but_image_errors(sample, changes, data):
    damaged = bytearray(sample[: data.draw(st.integers(0, len(sample)))])
    for position, value in changes if damaged else ():
        damaged[position % len(damaged)] = value
    with contextlib.suppress(ImageError):
        assert read_image(bytes(damaged), max_pixels=10_000).ndim == 3
