"""16-bit colours: all bits of every byte order and packing, or a refusal."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from samara.errors import ImageError
from samara.images.read import read_image
from tests.images.encoding import encode_with_cv2, png, png_chunk, tiff
from tests.images.geotiffs import values_of, write

DEEP = np.random.default_rng(3).integers(0, 65536, (6, 5, 4), dtype=np.uint16)


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


PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (6, 4)])
def test_interlaced_pngs(colour_type, channels):
    values = np.random.default_rng(4).integers(0, 65536, (11, 13, channels), dtype=np.uint16)
    passes = [values[top::down, left::right] for top, left, down, right in PASSES]
    data = b"".join(rows(np.ascontiguousarray(one), 0) for one in passes)
    header = struct.pack(">IIBBBBB", 13, 11, 16, colour_type, 0, 0, 1)
    whole = png(13, 11, bits=16, colour_type=colour_type, rows=data)
    whole = whole.replace(png_chunk(b"IHDR", header[:-1] + b"\0"), png_chunk(b"IHDR", header))
    np.testing.assert_array_equal(read_image(whole), read_image(values))


@pytest.mark.parametrize("chunk", [b"gAMA", b"sBIT", b"bKGD"])
def test_what_a_png_says_about_its_colours_changes_none(chunk):
    content = {b"gAMA": struct.pack(">I", 45455), b"sBIT": bytes([12] * 3), b"bKGD": bytes(6)}[chunk]
    data = png(5, 6, bits=16, colour_type=2, rows=rows(DEEP[..., :3], 0), chunks=png_chunk(chunk, content))
    np.testing.assert_array_equal(read_image(data), read_image(DEEP[..., :3]))


EXIF = b"II*\x00" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)  # to be turned right
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'


def test_an_orientation_behind_the_pixels_counts():
    end = png_chunk(b"IEND", b"")
    data = png(5, 6, bits=16, colour_type=2, rows=rows(DEEP[..., :3], 0))
    turned = np.rot90(read_image(DEEP[..., :3]), -1)
    np.testing.assert_array_equal(read_image(data.replace(end, png_chunk(b"eXIf", EXIF) + end)), turned)


@pytest.mark.parametrize("has_tag", [False, True])
def test_the_tag_of_a_tiff_counts_before_its_xmp(has_tag):
    tags = {256: (4, 5), 257: (4, 6), 258: (3, (16,) * 3), 259: (3, 1), 262: (3, 2), 277: (3, 3)}
    tags |= {700: (1, tuple(XMP))} | ({274: (3, 1)} if has_tag else {})
    expected = read_image(DEEP[..., :3])
    data = tiff(tags, DEEP[..., :3].tobytes())
    np.testing.assert_array_equal(read_image(data), expected if has_tag else np.rot90(expected, -1))


def test_animations_are_refused():
    control = struct.pack(">IIIIIHHBB", 0, 5, 6, 0, 0, 1, 10, 0, 0)
    second = struct.pack(">I", 2) + zlib.compress(rows(DEEP, 0))
    first = png_chunk(b"acTL", struct.pack(">II", 2, 0)) + png_chunk(b"fcTL", control)
    data = png(5, 6, bits=16, colour_type=6, rows=rows(DEEP, 0), chunks=first)
    end = png_chunk(b"IEND", b"")
    other = png_chunk(b"fcTL", struct.pack(">I", 1) + control[4:]) + png_chunk(b"fdAT", second)
    with pytest.raises(ImageError, match="16 bits and several frames"):
        read_image(data.replace(end, other + end), frame=1)


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


@pytest.mark.parametrize("count", [3, 4])
@pytest.mark.parametrize(
    "profile",
    [
        {"tiled": False},
        {"compress": "lzw", "predictor": 2},
        {"compress": "deflate", "predictor": 2, "tiled": False},
        {"compress": "packbits", "BIGTIFF": "YES"},
        {"compress": "lzw", "ENDIANNESS": "BIG"},
        {"compress": "lzma"},
        {"compress": "zstd"},
    ],
    ids=str,
)
def test_tiffs_by_gdal(tmp_path, capfd, count, profile):
    values = values_of(count, "uint16")
    path = write(
        tmp_path / "a.tif",
        values,
        **{"photometric": "RGB", "interleave": "pixel", "alpha": "NON-PREMULTIPLIED"} | profile,
    )
    np.testing.assert_array_equal(read_image(path), read_image(values.transpose(1, 2, 0)))
    assert capfd.readouterr() == ("", "")  # of GeoTIFF's tags


@pytest.mark.parametrize("compress", ["lzma", "zstd"])
def test_packings_that_opencv_does_not_know_need_rasterio(tmp_path, monkeypatch, compress):
    path = write(tmp_path / "a.tif", values_of(3, "uint16"), photometric="RGB", interleave="pixel", compress=compress)
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(ImageError, match=r"compression: .*pip install 'samara\[geo\]'"):
        read_image(path)


@pytest.mark.parametrize("extension", [".png", ".tiff"])
def test_damage_is_told_without_a_word_from_the_decoder(capfd, extension):
    data = encode_with_cv2(DEEP, extension)
    log_level = getattr(cv2, "getLogLevel", None) or cv2.utils.logging.getLogLevel
    before = log_level()
    for damaged in (data[:-40], data[:100] + bytes([data[100] ^ 1]) + data[101:])[: 2 if extension == ".png" else 1]:
        with pytest.raises(ImageError, match="damaged"):
            read_image(damaged)
    assert capfd.readouterr() == ("", "")
    assert log_level() == before


def test_pixels_that_end_too_early_are_refused():
    data = png(5, 6, bits=16, colour_type=2, rows=rows(DEEP[..., :3], 0)[:-9])
    with pytest.raises(ImageError, match="damaged"):
        read_image(data)


@pytest.mark.parametrize("extension", [".png", ".tiff"])
def test_pil_images_have_lost_the_lower_bytes(extension):
    image = Image.open(io.BytesIO(encode_with_cv2(DEEP[..., :3], extension)))
    with pytest.raises(ImageError, match=r"mode RGB contains only the upper half of 16-bit colours.*pass the file"):
        read_image(image)
