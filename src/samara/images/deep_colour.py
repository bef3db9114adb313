"""16-bit colours, of which Pillow keeps the upper bytes only: OpenCV decodes them.

OpenCV turns a TIFF by its tag, and a PNG not at all. It writes to stderr about damage and about tags that it does not
know, such as every GeoTIFF has: of TIFFs it is told not to; of PNGs libpng does, so Pillow compares checksums first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, PngImagePlugin, TiffImagePlugin

from samara.errors import ImageError
from samara.images.tiff import page_of
from samara.images.tiff_pages import Page

_SILENT = 0
_set_log_level = cv2.setLogLevel if hasattr(cv2, "setLogLevel") else cv2.utils.logging.setLogLevel  # moved in OpenCV 5


class _Quiet:
    """OpenCV's log level belongs to the process: the first thread lowers it, the last one restores it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = 0

    @contextmanager
    def opencv(self) -> Iterator[None]:
        """Keep OpenCV from writing to stderr."""
        with self._lock:
            if self._inside == 0:
                self._before = _set_log_level(_SILENT)
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if self._inside == 0:
                    _set_log_level(self._before)


_QUIET = _Quiet()


def is_deep(image: Image.Image) -> bool:
    """Whether a file that is not decoded yet holds colours of 16 bits."""
    if image.mode not in ("RGB", "RGBA"):
        return False
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return page_of(image).bits > 8
    return isinstance(image, PngImagePlugin.PngImageFile) and _is_deep_png(image)


def refuse_varieties(image: PngImagePlugin.PngImageFile, name: str) -> None:
    """Refuse 16-bit PNGs in which one colour means transparency, and coloured ones with several frames.

    Raises:
        ImageError: Pillow would compare the 16-bit colour with the 8 bits that it keeps; OpenCV gives the first frame.
    """
    if not _is_deep_png(image):
        return
    if "transparency" in image.info:
        raise ImageError(f"{name} has 16 bits and one transparent colour; save it with an alpha channel instead.")
    if image.is_animated and is_deep(image):
        raise ImageError(f"{name} has 16 bits and several frames; save the one that is meant as a PNG of its own.")


def decode_png(image: ImageFile.ImageFile, data: bytes) -> NDArray[np.uint16]:
    """Decode a PNG as it is stored.

    Args:
        image: the same, opened by Pillow; it can be used no more.
        data: the whole file.

    Returns:
        (H, W, 3) RGB or (H, W, 4) RGBA.

    Raises:
        OSError, SyntaxError: it is damaged.
    """
    image.verify()
    return _colours(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED), image)


def decode_tiff(image: Image.Image, page: Page, data: bytes) -> tuple[NDArray[np.uint16], int]:
    """Decode one page of a TIFF.

    Args:
        image: the page, opened by Pillow.
        page: what it says of itself.
        data: the whole file.

    Returns:
        (H, W, 3) RGB or (H, W, 4) RGBA, and the EXIF orientation that is still to be undone.

    Raises:
        OSError: it is damaged.
    """
    window = page.number, page.number + 1
    with _QUIET.opencv():
        _, pages = cv2.imdecodemulti(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED, range=window)
    orientation = 1 if ExifTags.Base.Orientation in page.tags else page.orientation
    return _colours(pages[0] if pages else None, image), orientation


def _is_deep_png(image: PngImagePlugin.PngImageFile) -> bool:
    args = image.tile[0].args if image.tile else ""
    return ";16" in str(args[0] if isinstance(args, tuple) else args)


def _colours(decoded: NDArray[np.generic] | None, image: Image.Image) -> NDArray[np.uint16]:
    """The colours of what OpenCV has decoded; a fourth band counts only if Pillow takes it for alpha."""
    has_alpha = image.mode == "RGBA"
    if decoded is None or decoded.dtype != np.uint16 or decoded.ndim != 3 or decoded.shape[2] < 3 + has_alpha:
        raise OSError("OpenCV cannot decode its 16-bit colours")
    order = cv2.COLOR_BGRA2RGBA if has_alpha else cv2.COLOR_BGRA2RGB if decoded.shape[2] == 4 else cv2.COLOR_BGR2RGB
    # The stubs of cv2 know arrays of numbers only, not that the type stays the same.
    return cv2.cvtColor(decoded, order).astype(np.uint16, copy=False)  # type: ignore[arg-type]
