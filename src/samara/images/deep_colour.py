"""16-bit colours, decoded by OpenCV because Pillow keeps only the upper bytes.

OpenCV rotates a TIFF by its tag, but not a PNG. It writes to stderr about damage and unknown tags, which every GeoTIFF
has: for TIFFs this is silenced; for PNGs libpng writes, so Pillow checks the checksums first.
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
    """OpenCV's log level is per process: the first thread lowers it, the last one restores it."""

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
    """Return whether a file that is not yet decoded has 16-bit colours."""
    if image.mode not in ("RGB", "RGBA"):
        return False
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return page_of(image).bits > 8
    return isinstance(image, PngImagePlugin.PngImageFile) and _is_deep_png(image)


def refuse_varieties(image: PngImagePlugin.PngImageFile, name: str) -> None:
    """Refuse 16-bit PNGs with a transparent colour, and coloured ones with several frames.

    Raises:
        ImageError: Pillow would compare the 16-bit colour with its 8 bits, and OpenCV only returns the first frame.
    """
    if not _is_deep_png(image):
        return
    if "transparency" in image.info:
        raise ImageError(f"{name} has 16 bits and one transparent colour; save it with an alpha channel instead.")
    if image.is_animated and is_deep(image):
        raise ImageError(f"{name} has 16 bits and several frames; save the intended one as a separate PNG.")


def decode_png(image: ImageFile.ImageFile, data: bytes) -> NDArray[np.uint16]:
    """Decode a PNG as stored.

    Args:
        image: the PNG, opened by Pillow; unusable afterwards.
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
        page: its tags.
        data: the whole file.

    Returns:
        (H, W, 3) RGB or (H, W, 4) RGBA, and the EXIF orientation still to be applied.

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
    """Return the colours decoded by OpenCV; a fourth band is used only if Pillow treats it as alpha."""
    has_alpha = image.mode == "RGBA"
    if decoded is None or decoded.dtype != np.uint16 or decoded.ndim != 3 or decoded.shape[2] < 3 + has_alpha:
        raise OSError("OpenCV cannot decode its 16-bit colours")
    order = cv2.COLOR_BGRA2RGBA if has_alpha else cv2.COLOR_BGRA2RGB if decoded.shape[2] == 4 else cv2.COLOR_BGR2RGB
    # The stubs of cv2 only know numeric arrays, not that the type is preserved.
    return cv2.cvtColor(decoded, order).astype(np.uint16, copy=False)  # type: ignore[arg-type]
