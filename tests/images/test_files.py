"""Files and PIL images: every mode, frames, damage, bombs, and what else a path can be."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import threading
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from samara.errors import ImageError
from samara.images.read import read_image
from tests.images.encoding import PHOTO, encode, encode_with_cv2, png, png_chunk

IMAGE = Image.fromarray(PHOTO)
DEEP = np.random.default_rng(1).integers(0, 65536, (5, 7, 4), dtype=np.uint16)


def to_bytes(deep):
    return np.floor(deep / 257 + 0.5).astype(np.uint8)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"]
)
def test_modes_of_pil_images(mode):
    step = {"PA": "P", "La": "LA", "RGBa": "RGBA"}.get(mode)
    image = IMAGE.convert(step).convert(mode) if step else IMAGE.convert(mode)
    np.testing.assert_array_equal(read_image(image), image.convert("LA" if mode == "La" else mode).convert("RGB"))


@pytest.mark.parametrize(
    ("mode", "dtype"), [("I;16", "<u2"), ("I;16L", "<u2"), ("I;16B", ">u2"), ("I", "=i4"), ("F", "=f4")]
)
def test_deep_modes_of_pil_images_follow_the_rules_of_arrays(mode, dtype):
    values = np.linspace(0, 1 if mode == "F" else 255 if mode == "I" else 65535, 12).reshape(3, 4).astype(dtype)
    image = Image.frombytes(mode, (4, 3), values.tobytes())
    np.testing.assert_array_equal(read_image(image), read_image(values))
    dim = Image.frombytes(mode, (4, 3), (np.arange(12).reshape(3, 4) * 300).astype(dtype).tobytes())
    with pytest.raises(ImageError, match=rf"mode {mode} .*value_range"):
        read_image(dim)
    assert read_image(dim, value_range=(0, 3300))[2, 3].tolist() == [255] * 3


def test_solid_colours_survive_cmyk_jpegs():
    # Adobe stores CMYK inverted, and so does Pillow.
    for colour in [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)]:
        data = encode(Image.new("RGB", (16, 16), colour).convert("CMYK"), "JPEG", quality=100)
        assert b"Adobe" in data
        assert np.abs(read_image(data).astype(int) - colour).max() <= 3


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_ycbcr_files(format):
    image = Image.new("YCbCr", (16, 16), (120, 90, 200))
    expected = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(read_image(encode(image, format)).astype(int) - expected).max() <= 3


def test_lab_tiffs():
    image = IMAGE.convert("LAB")
    np.testing.assert_array_equal(read_image(encode(image, "TIFF")), np.asarray(image.convert("RGB")))


def test_bilevel_and_palette_files():
    bilevel = np.random.default_rng(2).random((5, 13)) < 0.5
    np.testing.assert_array_equal(read_image(encode(Image.fromarray(bilevel)))[..., 0], bilevel * 255)
    palette = IMAGE.quantize(5)
    for format in ("PNG", "GIF", "BMP", "TIFF"):
        np.testing.assert_array_equal(read_image(encode(palette, format)), np.asarray(palette.convert("RGB")))


def palette_with_two_colours():
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    return image


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (encode(np.array([[[9, 9, 9, 0], [0, 0, 0, 255]]], np.uint8)), [[1, 2, 3], [0, 0, 0]]),
        (encode(Image.fromarray(np.array([[[9, 0], [7, 255]]], np.uint8), "LA")), [[1, 2, 3], [7, 7, 7]]),
        (encode(palette_with_two_colours(), transparency=0), [[1, 2, 3], [0, 0, 255]]),
        (encode(palette_with_two_colours(), transparency=bytes([255, 0])), [[255, 0, 0], [1, 2, 3]]),
        (encode(palette_with_two_colours(), "GIF", transparency=1), [[255, 0, 0], [1, 2, 3]]),
        (
            encode(np.array([[[1, 1, 1], [5, 6, 7]]], np.uint8), transparency=(1, 1, 1)),
            [[1, 2, 3], [5, 6, 7]],
        ),
        (encode(np.array([[8, 9]], np.uint8), transparency=8), [[1, 2, 3], [9, 9, 9]]),
        (
            encode(np.array([[[9, 9, 9, 0], [0, 0, 0, 255]]], np.uint8), "WEBP", lossless=True),
            [[1, 2, 3], [0, 0, 0]],
        ),
        (encode(np.array([[[9, 9, 9, 0], [0, 0, 0, 255]]], np.uint8), "TIFF"), [[1, 2, 3], [0, 0, 0]]),
    ],
    ids=["RGBA", "LA", "palette", "palette alphas", "GIF", "RGB key", "grey key", "WebP", "TIFF"],
)
def test_transparency_in_files(data, expected):
    assert read_image(data, background=(1, 2, 3))[0].tolist() == expected


@pytest.mark.filterwarnings("ignore:'mode' parameter:DeprecationWarning")
@pytest.mark.parametrize("extension", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bit_files_are_rounded_not_truncated(extension, channels):
    deep = DEEP[..., :channels] if channels > 1 else DEEP[..., 0]
    data = encode_with_cv2(deep, extension)
    np.testing.assert_array_equal(read_image(data, background=(9, 8, 7)), read_image(deep, background=(9, 8, 7)))
    assert not np.array_equal(to_bytes(DEEP[..., :3]), DEEP[..., :3] >> 8)  # what Pillow makes of it


@pytest.mark.parametrize("extension", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_twelve_bits_in_sixteen_need_a_range(extension, channels):
    dim = DEEP[..., :channels] >> 4 if channels > 1 else DEEP[..., 0] >> 4
    data = encode_with_cv2(dim, extension)
    with pytest.raises(ImageError, match=r"would turn out black.*value_range=\(0, 4095\)"):
        read_image(data)
    np.testing.assert_array_equal(read_image(data, value_range=(0, 4095)), read_image(dim, value_range=(0, 4095)))


def png_rows(values):
    return b"".join(b"\x00" + row.astype(">u2").tobytes() for row in values)


def test_sixteen_bit_grey_with_alpha_is_rounded_too():
    values = DEEP[..., [0, 3]]
    data = png(7, 5, bits=16, colour_type=4, rows=png_rows(values))
    expected = read_image(values[..., [0, 0, 0, 1]], background=(9, 8, 7))
    np.testing.assert_array_equal(read_image(data, background=(9, 8, 7)), expected)
    opaque = np.dstack([DEEP[..., 0], np.full_like(DEEP[..., 0], 65535)])
    np.testing.assert_array_equal(
        read_image(png(7, 5, bits=16, colour_type=4, rows=png_rows(opaque))), read_image(DEEP[..., 0])
    )


def test_sixteen_bit_colour_keys_are_refused():
    for colour_type, channels in ((0, 1), (2, 3)):
        key = png_chunk(b"tRNS", DEEP[0, 0, :channels].astype(">u2").tobytes())
        rows = png_rows(DEEP[..., :channels])
        with pytest.raises(ImageError, match=r"16 bits and one transparent colour.*alpha channel"):
            read_image(png(7, 5, bits=16, colour_type=colour_type, rows=rows, chunks=key))


def test_sixteen_bit_orientation():
    exif = b"II*\x00" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    rows = png_rows(DEEP[..., :3])
    data = png(7, 5, bits=16, colour_type=2, rows=rows, chunks=png_chunk(b"eXIf", exif))
    np.testing.assert_array_equal(read_image(data), np.rot90(to_bytes(DEEP[..., :3]), -1))


def test_portable_maps_state_their_white():
    assert read_image(b"P5 2 1 1000\n" + struct.pack(">HH", 1000, 500))[0, :, 0].tolist() == [255, 128]
    assert read_image(b"P2 2 1 10\n10 5\n")[0, :, 0].tolist() == [255, 128]
    assert read_image(b"Pf 2 1 -1.0\n" + struct.pack("<ff", 1, 0.5))[0, :, 0].tolist() == [255, 128]


def encode_frames(format, first=0, **options):
    # Fresh images each time: Pillow leaves its settings for one format behind on them.
    frames = [Image.fromarray(np.full((4, 4, 3), value, np.uint8)) for value in (0, 100, 200)][first:]
    return encode(frames[0], format, save_all=True, append_images=frames[1:], **options)


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("GIF", {"duration": 100}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("AVIF", {"quality": 100}),
    ],
)
def test_one_frame_of_several_must_be_chosen(format, options):
    if format not in Image.OPEN and Image.init() and format not in Image.OPEN:
        pytest.skip(f"this Pillow has no {format}")
    data = encode_frames(format, **options)
    with pytest.raises(ImageError, match=r"has 3 frames or pages; choose one.*frame=0"):
        read_image(data)
    for frame, value in enumerate((0, 100, 200)):
        assert np.abs(read_image(data, frame=frame).astype(int) - value).max() <= 2
    with pytest.raises(ImageError, match="has no frame 3; it has 3"):
        read_image(data, frame=3)


def test_a_single_frame_needs_no_choice():
    np.testing.assert_array_equal(read_image(encode(PHOTO), frame=0), PHOTO)
    with pytest.raises(ImageError, match="has no frame 1; it has 1"):
        read_image(encode(PHOTO), frame=1)
    with pytest.raises(ImageError, match="has no frame 1"):
        read_image(IMAGE, frame=1)


def test_the_first_frame_of_a_phone_s_mpo_is_the_photo():
    data = encode_frames("MPO", first=1)
    assert read_image(data)[0, 0].tolist() == [100] * 3
    assert read_image(data, frame=1)[0, 0].tolist() == [200] * 3


def test_pil_images_stay_at_their_frame():
    stack = Image.open(io.BytesIO(encode_frames("TIFF")))
    with pytest.raises(ImageError, match="has 3 frames"):
        read_image(stack)
    assert read_image(stack, frame=2)[0, 0].tolist() == [200] * 3
    assert stack.tell() == 0
    stack.seek(1)
    assert read_image(stack)[0, 0].tolist() == [100] * 3
    assert stack.tell() == 1


WHOLE = {
    "PNG": encode(PHOTO),
    "JPEG": encode(PHOTO, "JPEG"),
    "progressive JPEG": encode(PHOTO, "JPEG", progressive=True),
    "BMP": encode(PHOTO, "BMP"),
    "GIF": encode(PHOTO, "GIF"),
    "TIFF": encode(PHOTO, "TIFF"),
    "TIFF, LZW": encode(PHOTO, "TIFF", compression="tiff_lzw"),
    "TIFF, deflate": encode(PHOTO, "TIFF", compression="tiff_deflate"),
    "WebP": encode(PHOTO, "WEBP"),
    "PPM": encode(PHOTO, "PPM"),
    "JPEG 2000": encode(PHOTO, "JPEG2000"),
    "QOI": encode(PHOTO, "QOI"),
    "16-bit PNG": encode_with_cv2(DEEP[..., :3], ".png"),
    "16-bit TIFF": encode_with_cv2(DEEP[..., :3], ".tiff"),
}


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_files_are_refused(kind, share, tmp_path):
    path = tmp_path / "cut.bin"
    path.write_bytes(WHOLE[kind][: int(len(WHOLE[kind]) * share)])
    with pytest.raises(ImageError, match=r"cut\.bin.*(damaged, incomplete|cannot be decoded)"):
        read_image(path)


def test_truncated_pil_images_are_refused():
    with pytest.raises(ImageError, match=r"PIL image of mode RGB.*damaged or incomplete"):
        read_image(Image.open(io.BytesIO(WHOLE["JPEG"][:-40])))


def test_closed_pil_images_are_refused():
    image = Image.open(io.BytesIO(WHOLE["PNG"]))
    image.close()
    with pytest.raises(ImageError, match="closed"):
        read_image(image)


@pytest.mark.parametrize(
    "data",
    [
        png(60_000, 60_000),
        b"P5 60000 60000 255\n",
        b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0),
        b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + encode(PHOTO, "GIF")[10:],
        b"qoif" + struct.pack(">IIBB", 60_000, 60_000, 3, 0),
    ],
    ids=["PNG", "PPM", "BMP", "GIF", "QOI"],
)
def test_bombs_are_refused_before_decoding(data, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    tracemalloc.start()
    with pytest.raises(ImageError, match="declares 60000 by 60000 pixels, more than max_pixels=400000000"):
        read_image(data)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_the_limit_is_ours_to_move():
    for source in (WHOLE["PNG"], IMAGE):
        np.testing.assert_array_equal(read_image(source, max_pixels=63), PHOTO)
        np.testing.assert_array_equal(read_image(source, max_pixels=None), PHOTO)
        with pytest.raises(ImageError, match=r"7 by 9 pixels, more than max_pixels=62.*tile"):
            read_image(source, max_pixels=62)


def test_each_page_is_measured():
    pages = encode(IMAGE.copy(), "TIFF", save_all=True, append_images=[Image.new("L", (50, 50))])
    assert read_image(pages, frame=0, max_pixels=100).shape == (9, 7, 3)
    with pytest.raises(ImageError, match="50 by 50"):
        read_image(pages, frame=1, max_pixels=100)


@pytest.mark.parametrize("kind", [kind for kind in WHOLE if kind != "WebP"])
def test_pillow_s_own_limit_does_not_count(kind, monkeypatch):
    expected = read_image(WHOLE[kind])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)  # of 63: Image.open would raise
    np.testing.assert_array_equal(read_image(WHOLE[kind]), expected)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)  # Image.open would warn
    np.testing.assert_array_equal(read_image(WHOLE[kind]), expected)


def test_limits_that_pillow_insists_on_are_told(monkeypatch):
    def refuse(image):
        raise Image.DecompressionBombError("too large")

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", refuse)
    with pytest.raises(ImageError, match=r"more memory than is available or Pillow allows.*too large"):
        read_image(WHOLE["PNG"])


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"zTXt", b"k\x00\x00" + zlib.compress(bytes(5_000_000))),
        png_chunk(b"iCCP", b"k\x00\x00" + zlib.compress(bytes(5_000_000))),
        png_chunk(b"iTXt", b"k\x00\x01\x00\x00\x00" + zlib.compress(bytes(5_000_000))),
    ],
)
def test_compressed_texts_do_not_fill_the_memory(chunk):
    data = png(1, 1, rows=b"\x00\x07", chunks=chunk)
    tracemalloc.start()
    with contextlib.suppress(ImageError):
        assert read_image(data).tolist() == [[[7, 7, 7]]]
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


def test_zero_sizes_are_refused():
    with pytest.raises(ImageError, match="empty"):
        read_image(Image.new("RGB", (0, 5)))


@pytest.mark.parametrize(
    "url",
    ["https://example.org/photo.jpg", "HTTP://example.org", "s3://bucket/key", "data:image/png;base64,iVBOR"],
)
def test_urls_are_not_fetched(url):
    with pytest.raises(ImageError, match="is a URL; download it first"):
        read_image(url)


def test_paths_that_lead_to_no_file(tmp_path):
    with pytest.raises(ImageError, match=r"missing\.jpg' does not exist; check the path"):
        read_image(tmp_path / "missing.jpg")
    with pytest.raises(ImageError, match="is a directory; pass the path of one image"):
        read_image(tmp_path)
    with pytest.raises(ImageError, match=r"cannot be opened.*null"):
        read_image("photo\x00.jpg")
    with pytest.raises(ImageError, match=r"cannot be opened.*[Nn]ame too long"):
        read_image("a" * 5000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_read(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(WHOLE["PNG"],))
    writer.start()
    np.testing.assert_array_equal(read_image(pipe), PHOTO)
    writer.join()


def test_streams_that_give_no_bytes():
    with pytest.raises(ImageError, match=r'reads text.*"rb"'):
        read_image(io.StringIO("text"))
    closed = io.BytesIO(WHOLE["PNG"])
    closed.close()
    with pytest.raises(ImageError, match=r"cannot be read from.*open file"):
        read_image(closed)


def test_builds_of_pillow_without_a_format(monkeypatch):
    Image.init()
    monkeypatch.delitem(Image.OPEN, "AVIF", raising=False)
    with pytest.raises(ImageError, match=r"AVIF.*this build of Pillow"):
        read_image(b"\x00\x00\x00\x1cftypavif" + bytes(100))


def test_harmless_warnings_stay_harmless():
    # Pillow warns of a second acTL chunk and then reads the image.
    control = png_chunk(b"acTL", struct.pack(">II", 1, 0))
    data = png(1, 1, rows=b"\x00\x07", chunks=control + control)
    before = list(warnings.filters)
    assert read_image(data).tolist() == [[[7, 7, 7]]]
    assert warnings.filters == before


@pytest.mark.slow
def test_twenty_thousand_pixels_square():
    data = encode(Image.new("1", (20_000, 20_000), 1))
    rgb = read_image(data)
    assert rgb.shape == (20_000, 20_000, 3)
    assert rgb.min() == 255
