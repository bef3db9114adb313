"""TIFF pitfalls: pages that are not images, and values that Pillow reads differently from the tags."""

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
# None, CCITT, LZW, JPEG, deflate, PackBits, LZMA, Zstandard. Others depend on the build of Pillow's libtiff.
_COMPRESSIONS = {1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32946, 34925, 50000}
# Compressions that OpenCV's own libtiff supports.
_DEEP_COMPRESSIONS = {1, 5, 8, 32773, 32946}
# (colours, whether there is alpha) → the Pillow modes of such a page, if interpreted correctly.
_MODES = {
    (1, False): {"1", "L", "P", "I;16", "I;16L", "I;16B", "I", "F"},
    (1, True): {"LA", "La"},
    (3, False): {"RGB"},
    (3, True): {"RGBA"},
}


def page_of(image: TiffImagePlugin.TiffImageFile) -> Page:
    """Return the tags of an open image's current page."""
    found = {tag: image.tag_v2[tag] for tag in TAGS if tag in image.tag_v2}
    return Page(image.tell(), {tag: one if isinstance(one, (tuple, str)) else (one,) for tag, one in found.items()})


def pages_of(image: TiffImagePlugin.TiffImageFile) -> list[Page]:
    """Return the tags of all pages of an open image, which is then positioned at the first."""
    pages = []
    for number in range(image.n_frames):
        with suppress(SyntaxError):  # a mask in a mode unknown to Pillow, which has still read the tags
            image.seek(number)
        pages.append(page_of(image))
    image.seek(0)
    return pages


def allocated(image: AnyImage) -> AnyImage:
    """Allocate the memory of a TIFF, because Pillow otherwise checks its global size limit again."""
    if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tile:  # otherwise already decoded by the caller
        # The size as stored: `image.size` is the one after rotation.
        size = image.tag_v2[ExifTags.Base.ImageWidth], image.tag_v2[ExifTags.Base.ImageLength]
        image.im = Image.new(image.mode, size, None).im
    return image


def is_read_without_gdal(open_page: Callable[[], Image.Image], page: Page, bands: Bands) -> bool:
    """Return whether Pillow interprets the bands of a page correctly, and it or OpenCV decodes the stated values.

    Args:
        open_page: function that opens the page.
        page: tags of the page.
        bands: interpretation of its bands.
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
        return False  # GDAL reads windows, and its libjpeg upsamples chroma differently
    if bands.colours not in ((0,), (0, 1, 2)) or bands.alpha not in (None, len(bands.colours)):
        return False
    try:
        mode = open_page().mode
    except DECODER_FAILURES:
        return False
    return mode in _MODES[len(bands.colours), bands.alpha is not None]


def described(page: Page) -> str:
    """Describe a page for messages."""
    compression = page.number_of(ExifTags.Base.Compression, 1)
    return f"bands: {page.samples}, bits: {page.bits}, compression: {compression}"


def as_stated(values: NDArray[np.generic], page: Page) -> NDArray[np.generic]:
    """Convert one band's values to the type stated by the page, if Pillow has widened or reinterpreted it."""
    if values.dtype != np.int32:
        return values
    if page.bits == 16:
        return values.astype(np.int16)
    is_signed = page.number_of(ExifTags.Base.SampleFormat, 1) == _SIGNED
    return values if is_signed else values.view(np.uint32)
