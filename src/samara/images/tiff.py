"""TIFF's traps: pages that are no images, and values that Pillow reads in another way than the tags say."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, TiffImagePlugin

from samara.images.bands import Bands
from samara.images.failures import DECODER_FAILURES
from samara.images.tiff_pages import TAGS, Page
from samara.system.extras import is_installed

AnyImage = TypeVar("AnyImage", bound=Image.Image)

_SIGNED = 2
_SEPARATE = 2
_YCBCR = 6
# None, CCITT, LZW, JPEG, deflate, PackBits, LZMA, Zstandard. Others depend on how Pillow's libtiff was built.
_COMPRESSIONS = {1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32946, 34925, 50000}
# What OpenCV's own libtiff is built with.
_DEEP_COMPRESSIONS = {1, 5, 8, 32773, 32946}
# (colours, whether there is alpha) → the modes in which Pillow opens such a page, if it takes it for what it is.
_MODES = {
    (1, False): {"1", "L", "P", "I;16", "I;16L", "I;16B", "I", "F"},
    (1, True): {"LA", "La"},
    (3, False): {"RGB"},
    (3, True): {"RGBA"},
}


def page_of(image: TiffImagePlugin.TiffImageFile) -> Page:
    """What the page that an open image stands at says of itself."""
    found = {tag: image.tag_v2[tag] for tag in TAGS if tag in image.tag_v2}
    return Page(image.tell(), {tag: one if isinstance(one, (tuple, str)) else (one,) for tag, one in found.items()})


def pages_of(image: TiffImagePlugin.TiffImageFile) -> list[Page]:
    """What all pages of an open image say of themselves; it stands at the first afterwards."""
    pages = []
    for number in range(image.n_frames):
        with suppress(SyntaxError):  # a mask, in a mode that Pillow does not know; it has read the tags
            image.seek(number)
        pages.append(page_of(image))
    image.seek(0)
    return pages


def allocated(image: AnyImage) -> AnyImage:
    """Give a TIFF its memory, without which Pillow compares the size with its global limit once more."""
    if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tile:  # else decoded already, by the caller
        # The size as stored: `image.size` is the one after Pillow has turned the image.
        size = image.tag_v2[ExifTags.Base.ImageWidth], image.tag_v2[ExifTags.Base.ImageLength]
        image.im = Image.new(image.mode, size, None).im
    return image


def is_read_without_gdal(open_page: Callable[[], Image.Image], page: Page, bands: Bands) -> bool:
    """Whether Pillow takes the bands of a page for what they are, and it or OpenCV decodes the values that it states.

    Args:
        open_page: opens it.
        page: what it says of itself.
        bands: what its bands mean.
    """
    is_deep_colour = bands.bits > 8 and len(bands.colours) == 3
    compressions = _DEEP_COMPRESSIONS if is_deep_colour else _COMPRESSIONS
    if page.has_holes or page.number_of(ExifTags.Base.Compression, 1) not in compressions:
        return False
    is_separate = page.number_of(ExifTags.Base.PlanarConfiguration, 1) == _SEPARATE
    if is_separate and (bands.bits > 8 or bands.is_associated):
        return False
    is_jpeg_colour = page.number_of(ExifTags.Base.PhotometricInterpretation, 0) == _YCBCR
    if is_jpeg_colour and is_installed("rasterio"):
        return False  # windows are read by GDAL, whose libjpeg enlarges colour differences in another way
    if bands.colours not in ((0,), (0, 1, 2)) or bands.alpha not in (None, len(bands.colours)):
        return False
    try:
        mode = open_page().mode
    except DECODER_FAILURES:
        return False
    return mode in _MODES[len(bands.colours), bands.alpha is not None]


def described(page: Page) -> str:
    """What a page holds, for messages."""
    compression = page.number_of(ExifTags.Base.Compression, 1)
    return f"bands: {page.samples}, bits: {page.bits}, compression: {compression}"


def as_stated(values: NDArray[np.generic], page: Page) -> NDArray[np.generic]:
    """Values of one band in the type that the page states, where Pillow has widened or reinterpreted it."""
    if values.dtype != np.int32:
        return values
    if page.bits == 16:
        return values.astype(np.int16)
    is_signed = page.number_of(ExifTags.Base.SampleFormat, 1) == _SIGNED
    return values if is_signed else values.view(np.uint32)
