"""TIFFs window by window: the very pixels of the whole, or its very refusal."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from samara.errors import ImageError, MissingExtra
from samara.images.read import read_image
from samara.images.windows import open_windows
from tests.images.encoding import PHOTO, encode, encode_with_cv2
from tests.images.geotiffs import values_of, write

rasterio = pytest.importorskip("rasterio")

BOXES = ((0, 0, 70, 50), (3, 10, 40, 33), (69, 49, 70, 50))
MASK = np.where(np.indices((50, 70)).sum(0) % 3 == 0, 0, 255).astype(np.uint8)
RGB, RGBA = ("red", "green", "blue"), ("red", "green", "blue", "alpha")
RGBN = ("red", "green", "blue", "undefined")


def gdal(count, dtype, **options):
    return lambda path: write(path, values_of(count, dtype), **options)


def file_of(data):
    return lambda path: path.write_bytes(data)


def pages(path):
    frames = [Image.fromarray(PHOTO + value) for value in (0, 9)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def sparse(path):
    values = values_of(3, "uint8")
    values[:, :32] = 0
    return write(path, values, sparse_ok=True)


def gaps(path):
    values = values_of(1, "float32")
    values[0, :9] = -9999
    return write(path, values, nodata=-9999)


def nan(path):
    values = values_of(1, "float32")
    values[0, 5, 5] = np.nan
    return write(path, values)


PALETTE = {number: (number, 255 - number, number // 2, 255) for number in range(256)}


def palette(path):
    write(path, values_of(1, "uint8"), photometric="PALETTE")
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, PALETTE)


# What is in the folder; None where nobody can say what black and white is without a declared range.
FOLDER = {
    **{f"{count} bands, uint8": gdal(count, "uint8") for count in range(1, 6)},
    **{f"{count} bands, {dtype}": gdal(count, dtype) for count in (1, 2, 3, 4, 5) for dtype in ("uint16", "float32")},
    **{f"{count} bands, int16": gdal(count, "int16") for count in (1, 3)},
    **{f"3 bands, {dtype}": gdal(3, dtype) for dtype in ("int8", "uint32", "int32", "float64", "complex64")},
    "1 band, uint32": gdal(1, "uint32"),
    "1 bit": gdal(1, "uint8", nbits=1),
    "12 bits": lambda path: write(path, values_of(1, "uint16") >> 4, nbits=12),
    "12 bits, 3 bands": lambda path: write(path, values_of(3, "uint16") >> 4, nbits=12),
    "12 bits in 16": lambda path: write(path, values_of(1, "uint16") >> 4),
    "dark tile beside a bright one": lambda path: write(path, values_of(1, "uint16") >> MASK // 17),
    "RGB": gdal(3, "uint8", photometric="RGB"),
    "RGB and near infrared": gdal(4, "uint8", photometric="RGB", alpha="NO"),
    "RGB and near infrared, 16 bits": gdal(4, "uint16", photometric="RGB", alpha="NO"),
    "RGB and near infrared, noted": gdal(4, "uint16", colours=RGBN),
    "BGR, noted": gdal(3, "uint8", colours=RGB[::-1], photometric="MINISBLACK"),
    "BGR and near infrared, noted, 16 bits": gdal(4, "uint16", colours=(*RGB[::-1], "undefined")),
    "coastal, blue, green, red, infrared": gdal(5, "uint16", colours=("undefined", *RGB[::-1], "undefined")),
    "alpha": gdal(4, "uint8", photometric="RGB", alpha="UNSPECIFIED", colours=RGBA),
    "alpha, 16 bits": gdal(4, "uint16", photometric="RGB", colours=RGBA),
    "alpha, float": gdal(4, "float32", colours=RGBA),
    "alpha, premultiplied": gdal(4, "uint8", photometric="RGB", alpha="PREMULTIPLIED"),
    "alpha, premultiplied, 16 bits": gdal(4, "uint16", photometric="RGB", alpha="PREMULTIPLIED"),
    "alpha, then infrared": gdal(5, "uint8", colours=(*RGBA, "undefined"), photometric="RGB"),
    "infrared, then alpha": gdal(5, "uint8", colours=(*RGBN, "alpha"), photometric="RGB"),
    "grey and alpha": gdal(2, "uint8", colours=("gray", "alpha"), alpha="YES"),
    "grey and alpha, 16 bits": gdal(2, "uint16", colours=("gray", "alpha"), alpha="YES"),
    "grey and alpha, premultiplied": gdal(2, "uint8", alpha="PREMULTIPLIED"),
    "white is zero": gdal(1, "uint8", photometric="MINISWHITE"),
    "white is zero, 16 bits": gdal(1, "uint16", photometric="MINISWHITE"),
    "palette": palette,
    "internal mask": gdal(3, "uint8", photometric="RGB", mask=MASK),
    "internal mask and overviews": gdal(3, "uint8", photometric="RGB", mask=MASK, overviews=(2, 4)),
    "nodata": gdal(3, "uint8", photometric="RGB", nodata=0),
    "nodata, float": gaps,
    "NaN": nan,
    "overviews": gdal(3, "uint8", photometric="RGB", overviews=(2, 4)),
    "strips": gdal(3, "uint8", photometric="RGB", tiled=False),
    "planes": gdal(3, "uint8", photometric="RGB", interleave="band"),
    "planes, 16 bits": gdal(3, "uint16", photometric="RGB", interleave="band"),
    "planes, alpha": gdal(4, "uint8", photometric="RGB", interleave="band", colours=RGBA),
    "planes, premultiplied": gdal(4, "uint8", photometric="RGB", interleave="band", alpha="PREMULTIPLIED"),
    "planes, deflate, infrared": gdal(4, "uint8", photometric="RGB", interleave="band", alpha="NO", compress="deflate"),
    "sparse": sparse,
    "BigTIFF": gdal(3, "uint8", photometric="RGB", BIGTIFF="YES"),
    "BigTIFF, big-endian": gdal(3, "uint16", photometric="RGB", BIGTIFF="YES", ENDIANNESS="BIG"),
    "big-endian": gdal(1, "uint16", ENDIANNESS="BIG"),
    **{
        f"{compression}": gdal(3, "uint8", photometric="RGB", compress=compression)
        for compression in ("lzw", "deflate", "packbits", "zstd", "lerc", "webp", "jpeg")
    },
    "predictor": gdal(3, "uint16", photometric="RGB", compress="lzw", predictor=2),
    "predictor of floats": gdal(1, "float32", compress="deflate", predictor=3),
    "JPEG, YCbCr": gdal(3, "uint8", photometric="YCBCR", compress="jpeg"),
    "CMYK": file_of(encode(Image.fromarray(PHOTO).convert("CMYK"), "TIFF")),
    "Lab": file_of(encode(Image.fromarray(PHOTO).convert("LAB"), "TIFF")),
    "YCbCr": file_of(encode(Image.fromarray(PHOTO).convert("YCbCr"), "TIFF")),
    "turned": file_of(encode(PHOTO, "TIFF", tiffinfo={274: 6})),
    "turned by XMP": file_of(encode(PHOTO, "TIFF", tiffinfo={700: b'<a tiff:Orientation="8"/>'})),
    "pages": pages,
    "by OpenCV, 16 bits": file_of(encode_with_cv2(values_of(3, "uint16").transpose(1, 2, 0), ".tiff")),
}


def outcome(read):
    try:
        return read()
    except ImageError as error:
        return str(error)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("value_range", [None, (0, 1000), "auto"], ids=str)
@pytest.mark.parametrize("name", FOLDER)
def test_windows_are_parts_of_the_whole(tmp_path, name, value_range):
    path = tmp_path / "a.tif"
    FOLDER[name](path)
    for frame in (None, 1) if name == "pages" else (None,):
        whole = outcome(lambda frame=frame: read_image(path, value_range=value_range, frame=frame))
        image = outcome(lambda frame=frame: open_windows(path, value_range, frame))
        if image is None:  # is read whole in both cases
            assert name in ("CMYK", "Lab", "YCbCr", "turned", "turned by XMP")
        elif isinstance(whole, str):
            assert image == whole
            assert "cannot be decoded" not in whole  # which is to say: damaged
        else:
            assert image.size_hw == whole.shape[:2]
            for x0, y0, x1, y1 in BOXES if name != "pages" else ((1, 2, 5, 6),):
                window = image.window((x0, y0, x1, y1))
                np.testing.assert_array_equal(window, whole[y0:y1, x0:x1])
                assert window.flags.c_contiguous


def test_damage_is_told_where_it_is(tmp_path, monkeypatch):
    path = write(tmp_path / "cut.tif", values_of(3, "uint8"))
    path.write_bytes(path.read_bytes()[:6000])
    with pytest.raises(ImageError, match=r"cut\.tif' cannot be decoded"):
        open_windows(path).window((0, 0, 64, 50))
    (tmp_path / "text.tif").write_text("no TIFF")
    with pytest.raises(ImageError, match=r"text\.tif' cannot be decoded"):
        open_windows(tmp_path / "text.tif")
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(MissingExtra, match=r"samara\[geo\]"):
        open_windows(path)
