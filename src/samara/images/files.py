"""Decoding of files, bytes, streams and PIL images to arrays with Pillow.

Pillow's plugins are called directly, not through `Image.open`, which enforces a process-wide size limit. Accepted are
formats with a signature whose decoders run no other program.
"""

from __future__ import annotations

import io
import operator
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, PngImagePlugin, TiffImagePlugin

from samara.errors import ImageError
from samara.images import deep_colour, gdal, heif, png, tiff, tiff_pages
from samara.images.bands import bands_of
from samara.images.failures import DECODER_FAILURES, failures_told
from samara.images.gdal import WARNING_FILTERS
from samara.images.orientation import orientation_in_exif
from samara.images.unreadable import HEAD_BYTES, describe_content

# No EPS, which Pillow passes to Ghostscript; no TGA, which accepts random bytes. Not all builds have AVIF.
_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP", "GIF", "JPEG2000", "PPM", "QOI")

# The others are depth maps, the second eye, or more of a burst.
_FIRST_IS_THE_IMAGE = {"MPO", "HEIF"}

_URL = re.compile(r"[a-z][a-z0-9+.-]+://|data:", re.IGNORECASE)
_MAGIC_BYTES = 16  # the signature checked by Pillow's plugins
_BLOCK_PIXELS = 1 << 18

Result = TypeVar("Result")
AnyImage = TypeVar("AnyImage", bound=Image.Image)
EncodedSource: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]


class DecodedFile(NamedTuple):
    """Pixels as stored, their orientation, and the declared meaning of their values."""

    pixels: NDArray[np.generic]
    """(H, W), (H, W, 3) RGB or (H, W, 4) RGBA, in the type of the file."""
    orientation: int = 1
    """EXIF orientation, 1 to 8, still to be applied."""
    nodata: float | None = None
    """The value of pixels without data."""
    white: float | None = None
    """The largest value, if the file states it."""


def decode(source: EncodedSource | Image.Image, name: str, frame: int | None, max_pixels: int | None) -> DecodedFile:
    """Decode an image completely.

    Args:
        source: A path, the bytes of a file, a binary file object or a PIL image.
        name: Name of the image in messages.
        frame: The frame to decode, or None if the file must contain only one.
        max_pixels: Limit checked in the header; None for no limit.

    Raises:
        ImageError: It is not an image, cannot be read, or only by guessing.
    """
    if isinstance(source, Image.Image):
        image = source
        return _despite_warnings(lambda: _decode_pillow(image, name, frame, max_pixels))
    with _open_stream(source, name) as stream:
        return _despite_warnings(lambda: _decode_stream(stream, name, frame, max_pixels))


def upright_size(source: EncodedSource, name: str, frame: int | None) -> tuple[int, int]:
    """Read (H, W) of an image, turned upright, from its header.

    Raises:
        ImageError: It is not an image, or the file contains several and none is chosen.
    """
    with _open_stream(source, name) as stream:
        return _despite_warnings(lambda: _size_in_stream(stream, name, frame))


def orientation_in_header(source: EncodedSource, name: str) -> int:
    """Read the EXIF orientation of an image, 1 to 8, from its header.

    Raises:
        ImageError: It is not an image.
    """
    with _open_stream(source, name) as stream:
        return _despite_warnings(lambda: _orientation_in_stream(stream, name))


def _orientation_in_stream(stream: IO[bytes], name: str) -> int:
    with failures_told(name):
        stream.seek(0)
        if tiff_pages.is_tiff(stream.read(4)):
            return tiff_pages.read_pages(stream)[0].orientation
        return _orientation_in_header(_identify(stream, name), stream)


def _size_in_stream(stream: IO[bytes], name: str, frame: int | None) -> tuple[int, int]:
    with failures_told(name):
        stream.seek(0)
        if tiff_pages.is_tiff(stream.read(4)):
            return _size_of_tiff(stream, name, frame)
        image = _identify(stream, name)
        _choose_frame(image, name, frame)
        width, height = image.size
        _check_size((height, width), name, None)
        return (width, height) if _orientation_in_header(image, stream) >= 5 else (height, width)


def _size_of_tiff(stream: IO[bytes], name: str, frame: int | None) -> tuple[int, int]:
    page = tiff_pages.choose_page(tiff_pages.read_pages(stream), name, frame)
    height, width = page.size_hw
    _check_size((height, width), name, None)
    return (width, height) if page.orientation >= 5 else (height, width)


def _orientation_in_header(image: Image.Image, stream: IO[bytes]) -> int:
    if isinstance(image, PngImagePlugin.PngImageFile):
        if png.has_late_metadata(stream):
            image.load()
        # Pillow's own method for PNG decodes all pixels to reach later metadata.
        return _orientation(image, Image.Image.getexif)
    return _orientation(image)


def _despite_warnings(decoding: Callable[[], Result]) -> Result:
    """Retry decoding without warnings if the process turns warnings into errors.

    Pillow warns about e.g. a broken GPS entry although the photo is fine. Warning filters are process-wide, so they are
    changed only if necessary.
    """
    try:
        return decoding()
    except Warning:
        with WARNING_FILTERS, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return decoding()


@contextmanager
def _open_stream(source: EncodedSource, name: str) -> Iterator[IO[bytes]]:
    """Open a source as a stream that can seek, positioned at the image's first byte."""
    if isinstance(source, (str, os.PathLike)):
        with _open_path(os.fsdecode(source), name) as file:
            yield file if file.seekable() else io.BytesIO(file.read())
    elif isinstance(source, (bytes, bytearray, memoryview)):
        yield io.BytesIO(source)
    else:
        yield io.BytesIO(_read_all(source, name))


def _open_path(path: str, name: str) -> IO[bytes]:
    if _URL.match(path):
        raise ImageError(f"{name[:80]} is a URL; download it first, and pass the file's path or its bytes.")
    try:
        return open(path, "rb")
    except FileNotFoundError as error:
        raise ImageError(f"{name} does not exist; check the path (relative paths start at {os.getcwd()}).") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        if os.path.isdir(path):
            raise ImageError(f"{name} is a directory; pass the path of one image.") from error
        reason = error.strerror if isinstance(error, OSError) else error
        raise ImageError(f"{name} cannot be opened ({reason}); check the path and its permissions.") from error


def _read_all(source: IO[bytes], name: str) -> bytes:
    if not callable(getattr(source, "read", None)):
        raise ImageError(
            f"{name} is not an image; accepted are a path, bytes, a binary file object, a PIL image, an array or a "
            "tensor, one at a time (for anything else with pixels: numpy.asarray first)."
        )
    try:
        content: object = source.read()
    except (OSError, ValueError) as error:
        raise ImageError(f"{name} cannot be read from ({error}); pass an open file.") from error
    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise ImageError(f'{name} reads text, not bytes; open the file with mode "rb".')
    if not content:
        raise ImageError(f"{name} has nothing left to read; rewind it with seek(0), or check that it is not empty.")
    return bytes(content)


def _decode_stream(stream: IO[bytes], name: str, frame: int | None, max_pixels: int | None) -> DecodedFile:
    with failures_told(name):
        stream.seek(0)
        if tiff_pages.is_tiff(stream.read(4)):
            return _decode_tiff(stream, name, frame, max_pixels)
        image = _prepare(_identify(stream, name), name, frame, max_pixels)
        if deep_colour.is_deep(image):
            orientation = _orientation_in_header(image, stream)
            return DecodedFile(deep_colour.decode_png(_identify(stream, name), _all_bytes(stream)), orientation)
        return _decode_prepared(image)


def _all_bytes(stream: IO[bytes]) -> bytes:
    stream.seek(0)
    return stream.read()


def _decode_tiff(stream: IO[bytes], name: str, frame: int | None, max_pixels: int | None) -> DecodedFile:
    page = tiff_pages.choose_page(tiff_pages.read_pages(stream), name, frame)
    _check_size(page.size_hw, name, max_pixels)
    bands = bands_of(page, name)

    def opened() -> ImageFile.ImageFile:
        image = _identify(stream, name)
        image.seek(page.number)
        return image

    if bands is None:
        return _decode_prepared(tiff.allocated(opened()))
    if tiff.is_read_without_gdal(opened, page, bands):
        image = opened()
        if deep_colour.is_deep(image):
            pixels, orientation = deep_colour.decode_tiff(image, page, _all_bytes(stream))
            return DecodedFile(pixels, orientation, bands.nodata, bands.white)
        decoded = _decode_prepared(tiff.allocated(image))
        return decoded._replace(pixels=tiff.as_stated(decoded.pixels, page), nodata=bands.nodata, white=bands.white)
    gdal.require_rasterio(name, f"is a TIFF that Pillow does not read ({tiff.described(page)})")
    source = stream.getvalue() if isinstance(stream, io.BytesIO) else stream.name
    with gdal.opened(source, page.number) as file:
        values = gdal.read_values(file, bands.positions)
    return DecodedFile(bands.pixels(values), page.orientation, bands.nodata, bands.white)


def _decode_pillow(image: Image.Image, name: str, frame: int | None, max_pixels: int | None) -> DecodedFile:
    with failures_told(name, "closed, or its file is damaged or incomplete; pass the file, or an open image"):
        position = image.tell()
        try:
            _prepare(image, name, frame, max_pixels)
            if deep_colour.is_deep(image):
                raise ImageError(
                    f"{name} contains only the upper half of 16-bit colours, which is all Pillow keeps; pass the file."
                )
            return _decode_prepared(image)
        finally:
            if image.tell() != position:  # keep the caller's image at its frame
                image.seek(position)


def _identify(stream: IO[bytes], name: str) -> ImageFile.ImageFile:
    """Let the plugin that matches the first bytes read the header."""
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    if heif.is_heif(head) and heif.is_readable():
        return heif.open_heif(stream)
    Image.init()
    for name_of_format in _FORMATS:
        if name_of_format not in Image.OPEN:
            continue
        factory, accept = Image.OPEN[name_of_format]
        # Pillow's AVIF plugin only checks the container, which HEIC shares.
        if accept is not None and accept(head[:_MAGIC_BYTES]) is True and not heif.is_heif(head):
            stream.seek(0)
            return factory(stream, "")
    raise ImageError(f"{name} {describe_content(head)}.")


def _prepare(image: AnyImage, name: str, frame: int | None, max_pixels: int | None) -> AnyImage:
    """Check and prepare everything before decoding pixels."""
    _check_size((image.height, image.width), name, max_pixels)
    _choose_frame(image, name, frame)
    _check_size((image.height, image.width), name, max_pixels)  # the pages of a TIFF differ in size
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bands_of(tiff.page_of(image), name)  # refuses what Pillow would misinterpret
        tiff.allocated(image)
    if isinstance(image, PngImagePlugin.PngImageFile):
        deep_colour.refuse_varieties(image, name)
    return image


def _check_size(size_hw: tuple[int, int], name: str, max_pixels: int | None) -> None:
    height, width = size_hw
    if width < 1 or height < 1:
        raise ImageError(f"{name} is empty, {width} by {height} pixels; at least one pixel is needed.")
    if max_pixels is not None and width * height > max_pixels:
        raise ImageError(
            f"{name} declares {width} by {height} pixels, more than max_pixels={max_pixels}, and was not "
            "decoded; raise max_pixels if you trust the file, or tile it."
        )


def _choose_frame(image: Image.Image, name: str, frame: int | None) -> None:
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        if frame is not None or image.tell() == 0:
            image.seek(tiff_pages.choose_page(tiff.pages_of(image), name, frame).number)
        return
    count = getattr(image, "n_frames", 1)
    if frame is not None:
        if frame >= count:
            raise ImageError(f"{name} has no frame {frame}; it has {count}, counted from 0.")
        image.seek(frame)
    elif count > 1 and image.tell() == 0 and image.format not in _FIRST_IS_THE_IMAGE:
        raise ImageError(f"{name} has {count} frames or pages; choose one, for example frame=0.")


def _decode_prepared(image: Image.Image) -> DecodedFile:
    image.load()
    return DecodedFile(_pixels(image), _orientation(image))  # a PNG may have its EXIF block after the pixels


def _orientation(
    image: Image.Image, getexif: Callable[[Image.Image], Image.Exif] = operator.methodcaller("getexif")
) -> int:
    exif = image.info.get("exif")
    found = orientation_in_exif(exif) if isinstance(exif, bytes) else None
    if found is not None:
        return found
    try:
        stated = getexif(image).get(ExifTags.Base.Orientation, 1)  # also from TIFF tags and XMP
    except (*DECODER_FAILURES, Warning):
        return 1
    return stated if stated in range(1, 9) else 1


def _pixels(image: Image.Image) -> NDArray[np.generic]:
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image)
        # Pillow widens the 16 bits of these formats to 32, depending on its version.
        is_widened = image.mode == "I" and image.format in ("PNG", "PPM")
        return values.astype(np.uint16) if is_widened else values
    if image.mode == "La":
        image = image.convert("LA")  # the only conversion Pillow has
    if image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return _copy_out(image)


def _copy_out(image: Image.Image) -> NDArray[np.uint8]:
    """Copy in blocks of rows, three times as fast as `numpy.asarray`, which makes two passes."""
    width, height = image.size
    bands = len(image.getbands())
    pixels = np.empty((height, width) if bands == 1 else (height, width, bands), np.uint8)
    rows = max(1, _BLOCK_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, width, bottom)))
    return pixels
